// One list of members, which is read in both directions.
#include "vm/plan_json.h"

#include <fmt/format.h>

#include <cerrno>
#include <concepts>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <utility>

namespace hesper::vm {
namespace {

using nlohmann::json;

// Calls f(name, member) for all that is written, of a Plan and of what it consists of.
template <class F>
void members(F& f, Plan& plan) {
  f("machine", plan.machine);
  f("accelerator", plan.accelerator);
  f("qemu", plan.qemu);
  f("hesper", plan.hesper);
  f("virtiofsd", plan.virtiofsd);
  f("passt", plan.passt);
  f("qemu_sandbox", plan.qemu_sandbox);
  f("memory_backend", plan.memory_backend);
  f("firmware", plan.firmware);
  f("firmware_template", plan.firmware_template);
}

template <class F>
void members(F& f, Machine& machine) {
  f("name", machine.name);
  f("architecture", machine.architecture);
  f("cpus", machine.cpus);
  f("topology", machine.topology);
  f("memory", machine.memory);
  f("huge_pages", machine.huge_pages);
  f("memory_node", machine.memory_node);
  f("lock_memory", machine.lock_memory);
  f("disks", machine.disks);
  f("kernel", machine.kernel);
  f("initrd", machine.initrd);
  f("append", machine.append);
  f("efi_variables", machine.efi_variables);
  f("displays", machine.displays);
  f("input", machine.input);
  f("network", machine.network);
  f("forwards", machine.forwards);
  f("shares", machine.shares);
  f("vsock", machine.vsock);
  f("serial", machine.serial);
  f("serial_file", machine.serial_file);
  f("shutdown_seconds", machine.shutdown_seconds);
  f("qemu_arguments", machine.qemu_arguments);
  f("gpu_arguments", machine.gpu_arguments);
  f("view_arguments", machine.view_arguments);
}

template <class F>
void members(F& f, CpuTopology& topology) {
  f("sockets", topology.sockets);
  f("cores", topology.cores);
  f("threads", topology.threads);
}

template <class F>
void members(F& f, Disk& disk) {
  f("path", disk.path);
  f("format", disk.format);
  f("read_only", disk.read_only);
}

template <class F>
void members(F& f, Forward& forward) {
  f("udp", forward.udp);
  f("address", forward.address);
  f("host", forward.host);
  f("guest", forward.guest);
}

template <class F>
void members(F& f, Share& share) {
  f("folder", share.folder);
  f("tag", share.tag);
}

// The last value of each enumeration.
constexpr Architecture last(Architecture) { return Architecture::aarch64; }
constexpr Accelerator last(Accelerator) { return Accelerator::tcg; }
constexpr Network last(Network) { return Network::none; }
constexpr Serial last(Serial) { return Serial::file; }
constexpr InputDevices last(InputDevices) { return InputDevices::qemu; }
constexpr Disk::Format last(Disk::Format) { return Disk::Format::qcow2; }

// Paths may be any bytes, JSON is UTF-8: each byte becomes the character of its number.
std::string characters(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) text += static_cast<char>(byte < 0xc0 ? 0xc2 : 0xc3);
    text += static_cast<char>(byte >= 0xc0 ? byte - 0x40 : byte);
  }
  return text;
}

std::optional<std::string> bytes_of(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      bytes += text[i];
      continue;
    }
    if ((byte != 0xc2 && byte != 0xc3) || ++i == text.size()) return std::nullopt;
    bytes += static_cast<char>(static_cast<unsigned char>(text[i]) + (byte == 0xc3 ? 0x40 : 0));
  }
  return bytes;
}

struct Writer {
  json object = json::object();

  template <class T>
  void operator()(const char* name, T& member) {
    object[name] = value(member);
  }

  template <class T>
  static json value(T& member) {
    if constexpr (std::is_enum_v<T>) {
      return std::to_underlying(member);
    } else if constexpr (std::integral<T>) {
      return member;
    } else if constexpr (std::same_as<T, std::string>) {
      return characters(member);
    } else if constexpr (std::same_as<T, std::filesystem::path>) {
      return characters(member.native());
    } else if constexpr (requires { member.has_value(); }) {
      return member ? value(*member) : json();
    } else if constexpr (requires { member.push_back(*member.begin()); }) {
      json array = json::array();
      for (auto& each : member) array.push_back(value(each));
      return array;
    } else {
      Writer writer;
      members(writer, member);
      return std::move(writer.object);
    }
  }
};

struct Reader {
  const json& object;
  std::string& wrong;  // the first member that is; empty: none so far

  template <class T>
  void operator()(const char* name, T& member) {
    if (!wrong.empty()) return;
    const auto found = object.find(name);
    if (found == object.end() || !read(*found, member)) wrong = wrong.empty() ? name : wrong;
  }

  template <class T>
  bool read(const json& value, T& member) {
    if constexpr (std::is_enum_v<T>) {
      std::uint32_t number = 0;
      if (!read(value, number) || number > static_cast<std::uint32_t>(last(member))) return false;
      member = static_cast<T>(number);
    } else if constexpr (std::same_as<T, bool>) {
      if (!value.is_boolean()) return false;
      member = value.get<bool>();
    } else if constexpr (std::integral<T>) {
      if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::numeric_limits<T>::max()) return false;
      member = static_cast<T>(value.get<std::uint64_t>());
    } else if constexpr (std::same_as<T, std::string>) {
      const auto text = value.is_string() ? bytes_of(value.get_ref<const std::string&>()) : std::nullopt;
      if (!text) return false;
      member = *text;
    } else if constexpr (std::same_as<T, std::filesystem::path>) {
      std::string text;
      if (!read(value, text)) return false;
      member = text;
    } else if constexpr (requires { member.has_value(); }) {
      if (value.is_null()) return true;
      return read(value, member.emplace());
    } else if constexpr (requires { member.push_back(*member.begin()); }) {
      if (!value.is_array()) return false;
      for (const json& each : value)
        if (!read(each, member.emplace_back())) return false;
    } else {
      if (!value.is_object()) return false;
      Reader reader{.object = value, .wrong = wrong};
      members(reader, member);
      return wrong.empty();
    }
    return true;
  }
};

}  // namespace

json to_json(const Plan& plan) {
  Plan copy = plan;  // members() is for both directions
  return Writer::value(copy);
}

Result<Plan> plan_from_json(const json& json) {
  Plan plan;
  std::string wrong;
  if (Reader reader{.object = json, .wrong = wrong}; reader.read(json, plan)) return plan;
  return fail(fmt::format("The virtual machine does not tell its {} as expected. Was it started by another version of "
                          "Hesper?",
                          wrong.empty() ? "description" : wrong),
              EPROTO);
}

}  // namespace hesper::vm
