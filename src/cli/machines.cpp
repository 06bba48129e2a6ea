// Asking the launchers of running virtual machines.
#include "cli/machines.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/log.h"
#include "cli/environment.h"
#include "platform/signals.h"
#include "vm/control.h"
#include "vm/power_button.h"
#include "vm/runtime_folder.h"

namespace hesper::cli {
namespace {

using nlohmann::json;

Result<std::filesystem::path> root() {
  return vm::runtime_root(Environment::of_this_process().get_filled("XDG_RUNTIME_DIR"));
}

std::string text(const json& machine, const char* name) {
  const auto found = machine.find(name);
  return found != machine.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number(const json& machine, const char* name) {
  const auto found = machine.find(name);
  return found != machine.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::string time_of(std::uint64_t seconds) {
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min", seconds / 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

std::string ports_of(const json& machine) {
  std::string ports;
  const auto forwards = machine.find("forwards");
  if (forwards == machine.end() || !forwards->is_array()) return ports;
  for (const json& forward : *forwards) {
    if (!forward.is_object()) continue;
    ports += fmt::format("{}{}:{}:{}", ports.empty() ? "" : " ", text(forward, "protocol"), number(forward, "host"),
                         number(forward, "guest"));
  }
  return ports;
}

void print_table(const std::vector<json>& machines) {
  constexpr const char* kRow = "{:<20} {:<14} {:<8} {:<6} {:>4} {:>10} {:>12}  {}\n";
  fmt::print(fmt::runtime(kRow), "NAME", "STATE", "ARCH", "ACCEL", "CPUS", "MEMORY", "RUNS SINCE", "PORTS");
  for (const json& machine : machines)
    fmt::print(fmt::runtime(kRow), text(machine, "name"), text(machine, "state"), text(machine, "architecture"),
               text(machine, "accelerator"), number(machine, "cpus"),
               fmt::format("{} MiB", number(machine, "memory") >> 20), time_of(number(machine, "seconds")),
               ports_of(machine));
}

Result<void> list(ListFormat format) {
  const auto folder = root();
  if (!folder) return std::unexpected(folder.error());
  const auto running = vm::running_machines(*folder);
  if (format == ListFormat::names) {
    for (const auto& each : running) fmt::print("{}\n", each.filename().native());
    return {};
  }
  std::vector<json> machines;
  for (const auto& each : running) {
    auto machine = vm::describe_machine(each);
    // It may have ended just now.
    machine ? machines.push_back(std::move(*machine)) : log::info("{}", machine.error().message);
  }
  if (format == ListFormat::json) {
    fmt::print("{}\n", json(machines).dump(2, ' ', false, json::error_handler_t::replace));
  } else if (!machines.empty()) {
    print_table(machines);
  } else {
    fmt::print("No virtual machine runs.\n");
  }
  return {};
}

Result<void> stop(const StopOptions& options) {
  if (!options.qmp.empty()) {
    platform::ignore_broken_pipes();
    return vm::shut_down_at(options.qmp, options.force, std::chrono::seconds(options.seconds));
  }
  const auto folder = root();
  if (!folder) return std::unexpected(folder.error());
  const auto machine = vm::find_machine(*folder, options.name);
  if (!machine) return std::unexpected(machine.error());
  return vm::stop_machine(*machine, options.force, std::chrono::seconds(options.seconds));
}

int status_of(const Result<void>& result) {
  if (result) return 0;
  log::error("{}", result.error().message);
  return 1;
}

}  // namespace

Result<std::filesystem::path> find_gpu_socket(const std::filesystem::path& socket, const std::string& name) {
  if (!socket.empty()) return socket;
  const auto folder = root();
  if (!folder) return folder;
  const auto machine = vm::find_machine(*folder, name);
  if (!machine) return machine;
  const auto description = vm::describe_machine(*machine);
  if (!description) return std::unexpected(description.error());
  return text(*description, "gpu_socket");
}

int list_machines(ListFormat format) { return status_of(list(format)); }

int stop_machine(const StopOptions& options) { return status_of(stop(options)); }

}  // namespace hesper::cli
