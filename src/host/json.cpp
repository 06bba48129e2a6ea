// Facts as JSON: each member under its own name.
#include <nlohmann/json.hpp>
#include <string_view>

#include "host/gather.h"

namespace hesper::host {
namespace {

using Json = nlohmann::json;

std::string_view name_of(platform::System kind) {
  switch (kind) {
    case platform::System::linux: return "linux";
    case platform::System::macos: return "macos";
    case platform::System::other: return "other";
  }
  return "other";
}

std::string_view name_of(Surroundings surroundings) {
  switch (surroundings) {
    case Surroundings::bare: return "bare";
    case Surroundings::virtual_machine: return "virtual_machine";
    case Surroundings::container: return "container";
    case Surroundings::wsl: return "wsl";
  }
  return "bare";
}

Json of(bool value) { return value; }
Json of(std::uint32_t value) { return value; }
Json of(std::uint64_t value) { return value; }
Json of(const std::string& value) { return value; }
Json of(const std::vector<std::string>& value) { return value; }
Json of(const std::filesystem::path& value) { return value.native(); }
Json of(Surroundings value) { return name_of(value); }
template <class T>
Json of(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json of(const VulkanDevice& device) {
  return {{"name", device.name},
          {"driver", device.driver},
          {"api_version", device.api_version},
          {"kind", device.kind},
          {"usable", device.usable},
          {"memory", device.memory},
          {"memory_reason", device.memory_reason},
          {"guest_usable", of(device.guest_usable)},
          {"guest_reason", device.guest_reason},
          {"memory_moves", of(device.memory_moves)},
          {"missing", device.missing},
          {"emulated", device.emulated}};
}
Json of(const VideoEncoder& encoder) {
  return {{"name", encoder.name}, {"codec", encoder.codec}, {"hardware", encoder.hardware}, {"works", encoder.works}};
}

// Found by list(), below which they stand.
Json of(const LogicalCpu& cpu);
Json of(const NumaNode& node);
Json of(const HugePages& pages);
Json of(const Qemu& qemu);
Json of(const PciFunction& function);
Json of(const DrmNode& node);
Json of(const Connector& connector);
Json of(const Gpu& gpu);
Json of(const Icd& icd);
Json of(const IommuGroup& group);

template <class T>
Json list(const std::vector<T>& values) {
  Json array = Json::array();
  for (const T& value : values) array.push_back(of(value));
  return array;
}
template <class T>
Json of(const std::vector<T>& values) {
  return list(values);
}

template <class T>
Json of(const Fact<T>& fact) {
  Json json = {{"source", fact.source}};
  if (fact.known()) {
    json["value"] = of(*fact.value);
    if (!fact.why.empty()) json["why"] = fact.why;
  } else {
    json["unknown"] = fact.why;
  }
  return json;
}

Json of(const OperatingSystem& os) {
  return {{"kind", name_of(os.kind)},
          {"distribution", of(os.distribution)},
          {"like", os.like},
          {"name", of(os.name)},
          {"version", of(os.version)},
          {"kernel", of(os.kernel)},
          {"architecture", of(os.architecture)},
          {"command_line", of(os.command_line)},
          {"surroundings", of(os.surroundings)},
          {"hypervisor", of(os.hypervisor)},
          {"boot_loader", of(os.boot_loader)},
          {"initramfs", of(os.initramfs)},
          {"secure_boot", of(os.secure_boot)}};
}

Json of(const User& user) { return {{"name", user.name}, {"id", user.id}, {"groups", user.groups}}; }

Json of(const LogicalCpu& cpu) {
  return {{"number", cpu.number},
          {"core", cpu.core},
          {"socket", cpu.socket},
          {"node", cpu.node},
          {"last_cache", of(cpu.last_cache)},
          {"most_khz", cpu.most_khz},
          {"capacity", cpu.capacity},
          {"online", cpu.online}};
}

Json of(const NumaNode& node) { return {{"number", node.number}, {"memory", node.memory}, {"cpus", node.cpus}}; }

Json of(const Processor& processor) {
  return {{"vendor", of(processor.vendor)},
          {"model", of(processor.model)},
          {"cpus", list(processor.cpus)},
          {"nodes", list(processor.nodes)},
          {"cores", of(processor.cores)},
          {"threads", of(processor.threads)},
          {"virtualization", of(processor.virtualization)},
          {"caches", of(processor.caches)}};
}

Json of(const HugePages& pages) { return {{"size", pages.size}, {"total", pages.total}, {"free", pages.free}}; }

Json of(const Memory& memory) {
  return {{"total", of(memory.total)},
          {"available", of(memory.available)},
          {"page_size", of(memory.page_size)},
          {"huge_pages", list(memory.huge_pages)},
          {"transparent", of(memory.transparent)}};
}

Json of(const Accelerators& accelerators) {
  return {{"kvm_exists", of(accelerators.kvm_exists)},
          {"kvm_opens", of(accelerators.kvm_opens)},
          {"kvm_group", of(accelerators.kvm_group)},
          {"kvm_works", of(accelerators.kvm_works)},
          {"kvm_verdict", accelerators.kvm_verdict},
          {"kvm_module", of(accelerators.kvm_module)},
          {"nested", of(accelerators.nested)},
          {"hvf_supported", of(accelerators.hvf_supported)},
          {"hvf_entitled", of(accelerators.hvf_entitled)},
          {"hvf_verdict", accelerators.hvf_verdict},
          {"sip_enabled", of(accelerators.sip_enabled)}};
}

Json of(const Qemu& qemu) {
  return {{"program", qemu.program.native()},
          {"architecture", vm::name_of(qemu.architecture)},
          {"version", of(qemu.version)},
          {"vhost_user_device", of(qemu.vhost_user_device)},
          {"shared_memory_window", of(qemu.shared_memory_window)},
          {"vhost_user_input", of(qemu.vhost_user_input)},
          {"vfio", of(qemu.vfio)},
          {"ivshmem", of(qemu.ivshmem)},
          {"venus", of(qemu.venus)},
          {"native_context", of(qemu.native_context)},
          {"accelerators", of(qemu.accelerators)},
          {"firmware", of(qemu.firmware)}};
}

Json of(const PciFunction& function) {
  return {{"address", function.address},
          {"vendor", function.vendor},
          {"device", function.device},
          {"subsystem_vendor", function.subsystem_vendor},
          {"subsystem_device", function.subsystem_device},
          {"class", function.pci_class},
          {"name", function.name},
          {"driver", of(function.driver)},
          {"iommu_group", of(function.iommu_group)},
          {"numa_node", of(function.numa_node)},
          {"reset_methods", function.reset_methods},
          {"bars", function.bars},
          {"virtual_functions", of(function.virtual_functions)},
          {"virtual_functions_made", of(function.virtual_functions_made)},
          {"mediated_types", function.mediated_types},
          {"is_bridge", function.is_bridge},
          {"has_rom", function.has_rom},
          {"driver_override", function.driver_override}};
}

Json of(const DrmNode& node) {
  return {
      {"path", node.path.native()}, {"render", node.render}, {"may_open", of(node.may_open)}, {"group", node.group}};
}

Json of(const Connector& connector) { return {{"name", connector.name}, {"connected", connector.connected}}; }

Json of(const Gpu& gpu) {
  return {{"name", gpu.name},
          {"vendor", gpu.vendor},
          {"pci", gpu.pci ? of(*gpu.pci) : Json()},
          {"siblings", list(gpu.siblings)},
          {"driver", of(gpu.driver)},
          {"modules", gpu.modules},
          {"boot_vga", of(gpu.boot_vga)},
          {"integrated", of(gpu.integrated)},
          {"nodes", list(gpu.nodes)},
          {"connectors", list(gpu.connectors)},
          {"users", gpu.users}};
}

Json of(const Icd& icd) {
  return {{"manifest", icd.manifest.native()},
          {"found_by", icd.found_by},
          {"library", icd.library},
          {"api_version", icd.api_version},
          {"portability", icd.portability},
          {"seen_by_loader", icd.seen_by_loader},
          {"problem", icd.problem}};
}

Json of(const Vulkan& vulkan) {
  return {{"loader", of(vulkan.loader)}, {"icds", list(vulkan.icds)}, {"devices", of(vulkan.devices)}};
}

Json of(const IommuGroup& group) { return {{"number", group.number}, {"functions", list(group.functions)}}; }

Json of(const Iommu& iommu) {
  return {{"firmware", of(iommu.firmware)},
          {"on", of(iommu.on)},
          {"kind", of(iommu.kind)},
          {"asked", of(iommu.asked)},
          {"groups", list(iommu.groups)},
          {"acs_override", of(iommu.acs_override)},
          {"interrupt_remapping", of(iommu.interrupt_remapping)}};
}

Json of(const Passthrough& passthrough) {
  return {{"vfio_module", of(passthrough.vfio_module)},       {"vfio_may_open", of(passthrough.vfio_may_open)},
          {"driverctl", of(passthrough.driverctl)},           {"kvmfr", of(passthrough.kvmfr)},
          {"kvmfr_may_open", of(passthrough.kvmfr_may_open)}, {"looking_glass", of(passthrough.looking_glass)}};
}

Json of(const Services& services) {
  return {{"encoders", of(services.encoders)},
          {"udmabuf", of(services.udmabuf)},
          {"udmabuf_may_open", of(services.udmabuf_may_open)},
          {"vsock", of(services.vsock)},
          {"vsock_may_open", of(services.vsock_may_open)},
          {"libvirt", of(services.libvirt)},
          {"libvirt_runs", of(services.libvirt_runs)},
          {"display", of(services.display)},
          {"ssh_server", of(services.ssh_server)},
          {"ssh_session", of(services.ssh_session)},
          {"serial_console", of(services.serial_console)},
          {"user_namespaces", of(services.user_namespaces)},
          {"passt", of(services.passt)},
          {"virtiofsd", of(services.virtiofsd)}};
}

Json of(const Limits& limits) {
  return {{"memlock", of(limits.memlock)},
          {"nofile", of(limits.nofile)},
          {"overcommit", of(limits.overcommit)},
          {"max_map_count", of(limits.max_map_count)},
          {"shared_memory", of(limits.shared_memory)}};
}

}  // namespace

Json to_json(const Facts& facts) {
  return {{"system", of(facts.system)},
          {"user", of(facts.user)},
          {"processor", of(facts.processor)},
          {"memory", of(facts.memory)},
          {"accelerators", of(facts.accelerators)},
          {"qemus", list(facts.qemus)},
          {"qemu_searched", of(facts.qemu_searched)},
          {"gpus", list(facts.gpus)},
          {"vulkan", of(facts.vulkan)},
          {"iommu", of(facts.iommu)},
          {"passthrough", of(facts.passthrough)},
          {"services", of(facts.services)},
          {"limits", of(facts.limits)}};
}

}  // namespace hesper::host
