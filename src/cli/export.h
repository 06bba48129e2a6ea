// hesper export: a virtual machine as a script, a domain of libvirt's or units of systemd.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "cli/run.h"

namespace CLI {
class App;
}

namespace hesper::cli {

enum class ExportFormat : std::uint8_t { qemu, libvirt, systemd };

struct ExportOptions {
  ExportFormat format = ExportFormat::qemu;
  RunOptions run;                // its image may also be the name of a machine that runs
  std::filesystem::path output;  // a file, or a folder if it is one or ends with '/'; empty: standard output
  bool force = false;            // replace files that are there
  bool bare = false;             // qemu: only the lines
  bool system_wide = false;      // libvirt, systemd: of the system, not of the user
  std::string user;              // who runs it then; empty: libvirt-qemu, or for systemd whoever calls this
};

// Adds the command and its three. gpu_command, view_command, options: as add_run_command() has it.
[[nodiscard]] CLI::App* add_export_command(CLI::App& app, const CLI::App& gpu_command, const CLI::App& view_command,
                                           ExportOptions& options);

// Returns 0, or 1 with an error in the log; then nothing, or not all, is written.
[[nodiscard]] int export_machine(const char* argv0, const ExportOptions& options);

}  // namespace hesper::cli
