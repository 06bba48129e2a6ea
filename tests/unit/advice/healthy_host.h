// A host on which nothing is wrong, for tests that spoil one fact of it: Debian 13, an AMD GPU, KVM.
#pragma once

#include <string>
#include <utility>

#include "host/facts.h"

namespace hesper::advice {

template <class T>
host::Fact<T> known(T value, std::string source = "/a/source") {
  return {.value = std::move(value), .source = std::move(source), .why = {}};
}

template <class T>
host::Fact<T> unknown(std::string why) {
  return {.value = {}, .source = "/a/source", .why = std::move(why)};
}

inline host::Gpu healthy_gpu() {
  host::Gpu gpu{.name = "AMD Navi 31 [Radeon RX 7900 XTX]", .vendor = "AMD", .driver = known<std::string>("amdgpu")};
  gpu.pci = host::PciFunction{.address = "0000:03:00.0", .vendor = 0x1002, .device = 0x744c, .pci_class = 0x030000};
  gpu.nodes = {{.path = "/dev/dri/card0", .render = false, .may_open = known(true), .group = "video"},
               {.path = "/dev/dri/renderD128", .render = true, .may_open = known(true), .group = "render"}};
  return gpu;
}

inline host::VulkanDevice healthy_device() {
  return {.name = "AMD Radeon RX 7900 XTX (RADV NAVI31)",
          .driver = "radv Mesa 25.0.7",
          .api_version = "1.4.305",
          .kind = "discrete",
          .usable = true,
          .memory = "dmabuf",
          .memory_reason = "It works.",
          .guest_usable = true,
          .guest_reason = "It works.",
          .memory_moves = true};
}

inline host::Facts healthy_host() {
  host::Facts facts;
  facts.system = {.kind = platform::System::linux,
                  .distribution = known<std::string>("debian"),
                  .like = {},
                  .name = known<std::string>("Debian GNU/Linux 13 (trixie)"),
                  .version = known<std::string>("13"),
                  .kernel = known<std::string>("6.12.57+deb13-amd64"),
                  .architecture = known<std::string>("x86_64"),
                  .surroundings = known(host::Surroundings::bare)};
  facts.user = {.name = "alice", .id = 1000, .groups = {"alice", "render", "kvm"}};
  facts.processor.model = known<std::string>("AMD Ryzen 9 7950X 16-Core Processor");
  facts.processor.cores = known(16U);
  facts.processor.threads = known(32U);
  facts.processor.virtualization = known<std::string>("svm");
  facts.memory.total = known(std::uint64_t{64} << 30);
  facts.memory.available = known(std::uint64_t{60} << 30);
  facts.memory.page_size = known(4096U);
  facts.accelerators.kvm_exists = known(true);
  facts.accelerators.kvm_opens = known(true);
  facts.accelerators.kvm_group = known<std::string>("kvm");
  facts.accelerators.kvm_works = known(true);
  facts.accelerators.kvm_module = known(true);
  host::Qemu qemu{.program = "/usr/bin/qemu-system-x86_64", .architecture = vm::Architecture::x86_64};
  qemu.version = known<std::string>("11.1.3");
  qemu.vhost_user_device = qemu.shared_memory_window = qemu.vhost_user_input = known(true);
  qemu.accelerators = known<std::vector<std::string>>({"tcg", "kvm"});
  qemu.firmware = known<std::filesystem::path>("/usr/share/OVMF/OVMF_CODE_4M.fd");
  facts.qemus = {qemu};
  facts.gpus = {healthy_gpu()};
  facts.vulkan.loader = known<std::filesystem::path>("/usr/lib/x86_64-linux-gnu/libvulkan.so.1");
  facts.vulkan.icds = {{.manifest = "/usr/share/vulkan/icd.d/radeon_icd.json",
                        .found_by = "/usr/share/vulkan/icd.d",
                        .library = "libvulkan_radeon.so",
                        .api_version = "1.4.305"}};
  facts.vulkan.devices = known<std::vector<host::VulkanDevice>>({healthy_device()});
  facts.iommu.on = known(true);
  facts.services.encoders = known<std::vector<host::VideoEncoder>>(
      {{.name = "h264_vaapi", .codec = "h264", .hardware = true, .works = true}});
  facts.services.vsock = facts.services.vsock_may_open = known(true);
  facts.services.libvirt = known<std::string>("");
  facts.services.display = known<std::string>("wayland");
  facts.services.user_namespaces = known(true);
  facts.services.passt = facts.services.virtiofsd = known(true);
  facts.limits.memlock = known(std::uint64_t{8} << 20);
  facts.limits.nofile = known(std::uint64_t{1048576});
  facts.limits.overcommit = known(std::uint64_t{0});
  facts.limits.max_map_count = known(std::uint64_t{1048576});
  return facts;
}

}  // namespace hesper::advice
