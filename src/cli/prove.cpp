// From options to proof::Options, and from a Proof to text and JSON.
#include "cli/prove.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "base/tell.h"
#include "cli/control_client.h"
#include "cli/environment.h"
#include "cli/private_directory.h"
#include "cli/run.h"
#include "platform/process.h"
#include "platform/signals.h"
#include "vm/attendance.h"
#include "vm/settings.h"

namespace hesper::cli {
namespace {

using nlohmann::json;

Result<proof::Screen> first_screen(const std::filesystem::path& gpu_socket) {
  const auto picture = ask_for_picture(gpu_socket, 0);
  if (!picture) return std::unexpected(picture.error());
  proof::Screen screen{.width = picture->width, .height = picture->height, .pixels = {}};
  screen.pixels.resize(picture->pixels.size() / sizeof(std::uint32_t));
  std::memcpy(screen.pixels.data(), picture->pixels.data(), picture->pixels.size());
  return screen;
}

// As hesper run would read them.
Result<void> set(vm::Machine& machine, std::string_view name, const std::string& value) {
  for (const vm::Setting& setting : vm::settings())
    if (setting.name == name) return setting.set(machine, value, {});
  return fail(fmt::format("Hesper has no setting '{}'.", name));
}

Result<proof::Options> options_of(const ProveOptions& options) {
  vm::Machine machine;
  if (auto accelerator = set(machine, "accel", options.accelerator); !accelerator)
    return std::unexpected(std::move(accelerator.error()));
  if (!options.architecture.empty())
    if (auto architecture = set(machine, "arch", options.architecture); !architecture)
      return std::unexpected(std::move(architecture.error()));
  proof::Options result;
  result.accelerator = machine.accelerator;
  result.architecture = machine.architecture;
  result.qemu = options.qemu;
  result.vulkan = options.vulkan;
  if (!options.host_driver.empty())
    result.gpu_arguments.insert(result.gpu_arguments.end(), {"--host-driver", options.host_driver.native()});
  if (options.window) result.gpu_arguments.insert(result.gpu_arguments.end(), {"--window", *options.window});
  if (!options.guest_memory.empty())
    result.gpu_arguments.insert(result.gpu_arguments.end(), {"--guest-memory", options.guest_memory});
  result.patience = std::chrono::milliseconds(static_cast<std::int64_t>(options.seconds * 1000));
  result.screen = first_screen;
  return result;
}

json to_json(const proof::Times& times) {
  if (times.p50 == 0) return nullptr;
  return {{"p50", times.p50}, {"p95", times.p95}};
}

json text_or_null(const std::string& text) { return text.empty() ? json() : json(text); }

}  // namespace

CLI::App* add_prove_command(CLI::App& app, ProveOptions& options) {
  CLI::App* command =
      app.add_subcommand("prove", "Start a tiny guest that draws through the whole path, and look at its screen");
  command->add_option("--accel", options.accelerator, "How QEMU runs it: auto, kvm, hvf or tcg")
      ->capture_default_str()
      ->type_name("ACCELERATOR");
  command->add_option("--arch", options.architecture, "Of the guest: x86_64 or aarch64 (default: this host's)")
      ->type_name("ARCHITECTURE");
  command->add_option("--qemu", options.qemu, "The QEMU to use (default: qemu-system-ARCHITECTURE)")
      ->type_name("PROGRAM");
  command
      ->add_option("--host-driver", options.host_driver,
                   "Use only the host driver that this Vulkan driver manifest describes")
      ->type_name("FILE");
  command->add_option("--window", options.window, "As hesper gpu has it")->type_name("SIZE");
  command->add_option("--guest-memory", options.guest_memory, "As hesper gpu has it")
      ->check(CLI::IsMember({"auto", "memory-first", "blob-first"}))
      ->type_name("ORDER");
  command->add_flag_callback(
      "--no-vulkan", [&options] { options.vulkan = false; }, "Only show what the guest's processor draws");
  command->add_option("--timeout", options.seconds, "How long it may take")
      ->check(CLI::Range(1.0, 3600.0))
      ->capture_default_str()
      ->type_name("SECONDS");
  command->add_flag("--keep", options.keep, "Keep the folder with the logs of its processes, and print its name");
  command->add_flag("--json", options.json, "Print JSON");
  command->footer("Exit status: 0 if everything that was asked for works, otherwise 1.");
  return command;
}

Result<proof::Proof> prove(const char* argv0, const ProveOptions& options) {
  platform::ignore_broken_pipes();
  const Environment environment = Environment::of_this_process();
  auto what = options_of(options);
  if (!what) return std::unexpected(std::move(what.error()));
  const auto own = platform::own_directory(argv0);
  if (!own) return std::unexpected(own.error());
  auto attendants = vm::Attendants::create(*own / "hesper");
  if (!attendants) return std::unexpected(std::move(attendants.error()));
  auto folder = PrivateDirectory::create(environment);
  if (!folder) return std::unexpected(std::move(folder.error()));
  what->folder = folder->path();
  what->accelerator_cache = accelerator_cache(environment);
  if (options.keep) {
    tell("hesper: logs are in {}\n", folder->path().native());
    folder->keep();
    return proof::prove(*what, *attendants);
  }
  // For when this process is killed.
  auto keeper = vm::Keeper::start(attendants->hesper(), folder->path());
  if (!keeper) return std::unexpected(std::move(keeper.error()));
  return proof::prove(*what, *attendants);
}

json to_json(const proof::Proof& proof) {
  return {{"passed", proof.passed},
          {"stage", name_of(proof.stage)},
          {"problem", text_or_null(proof.problem)},
          {"remedy", text_or_null(proof.remedy)},
          {"reached", text_or_null(proof.reached)},
          {"accelerator", text_or_null(proof.accelerator)},
          {"accelerator_reason", text_or_null(proof.accelerator_reason)},
          {"driver", text_or_null(proof.driver)},
          {"pictures", proof.pictures},
          {"first_picture_ms", proof.first_picture_ms},
          {"total_ms", proof.total_ms},
          {"device_fence_us", to_json(proof.device_fence)},
          {"worker_fence_us", to_json(proof.worker_fence)},
          {"queue_fence_us", to_json(proof.queue_fence)}};
}

int prove_and_print(const char* argv0, const ProveOptions& options) {
  const auto proof = prove(argv0, options);
  if (!proof) {
    log::error("{}", proof.error().message);
    return 1;
  }
  if (options.json) {
    json object = to_json(*proof);
    object["version"] = 1;
    fmt::print("{}\n", object.dump(2, ' ', false, json::error_handler_t::replace));
  } else {
    if (!proof->accelerator_reason.empty()) log::warn("{}", proof->accelerator_reason);
    fmt::print("{}\n", describe(*proof));
  }
  return proof->passed ? 0 : 1;
}

}  // namespace hesper::cli
