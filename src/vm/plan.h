// Plan: a Machine, and everything else that its processes' command lines depend on: what was found on this host.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "input/kinds.h"
#include "vm/attendance.h"
#include "vm/firmware.h"
#include "vm/machine.h"

namespace hesper::vm {

// Of the first PCI bus: where the GPU is, which EFI's variables name (efi_variables.h).
inline constexpr unsigned kGpuSlot = 1;

enum class Connections : std::uint8_t {
  launcher,  // QEMU connects console and QMP to sockets of the launcher's
  by_hand,   // for somebody who starts QEMU himself: console on his terminal, QMP at a socket of QEMU's
  sockets,   // for who has no terminal: console and QMP at sockets of QEMU's
};

struct Plan {
  Machine machine;                          // with a name, and disks of known formats
  Accelerator accelerator{};                // not automatic
  std::string accelerator_reason;           // a sentence; empty if nothing is to be said
  std::filesystem::path qemu;               // the program, absolute
  std::filesystem::path hesper;             // likewise
  std::filesystem::path virtiofsd;          // likewise; empty if nothing is shared
  std::filesystem::path passt;              // likewise; empty if the network is another one
  bool qemu_sandbox = false;                // QEMU is to confine itself
  std::string memory_backend;               // of QEMU's
  std::filesystem::path firmware;           // empty: QEMU's own BIOS, or none with a kernel
  std::filesystem::path firmware_template;  // of the variables; empty: there are none
  std::filesystem::path folder;             // of its sockets, see runtime_folder.h
  Connections connections = Connections::launcher;

  [[nodiscard]] std::filesystem::path gpu_socket() const { return folder / "gpu"; }
  // What hesper-view must know again when it is started anew, and where it reports; see cli/hesper_view.cpp.
  [[nodiscard]] std::filesystem::path view_state() const { return folder / "view-state"; }
  [[nodiscard]] std::filesystem::path view_reports() const { return gpu_socket().native() + ".view"; }
  // As hesper gpu names them.
  [[nodiscard]] std::filesystem::path input_socket(input::Kind kind) const {
    return folder / ("gpu." + std::string(name_of(kind)));
  }
  // QEMU's end of the port that the guest's clipboard agent uses.
  [[nodiscard]] std::filesystem::path agent_socket() const { return folder / "agent"; }
  // Whether the guest gets one: hesper-view is started, and its options do not say that no clipboard is shared.
  [[nodiscard]] bool has_agent_port() const;
  [[nodiscard]] std::filesystem::path qmp_socket() const { return folder / "qmp"; }
  [[nodiscard]] std::filesystem::path console_socket() const { return folder / "console"; }
  [[nodiscard]] std::filesystem::path passt_socket() const { return folder / "passt"; }
  [[nodiscard]] std::filesystem::path share_socket(std::size_t index) const {
    return folder / ("share-" + std::to_string(index));
  }
  // Where the copy of the template is.
  [[nodiscard]] std::filesystem::path variables() const {
    return machine.efi_variables.empty() ? folder / "efi-variables" : machine.efi_variables;
  }
};

// When the plan is carried out.
enum class Occasion : std::uint8_t {
  now,
  later,  // ports need not be free, nor a named accelerator be there, and a vsock number that is to be chosen stays 0
};

// Looks at this host: disks, files, ports, memory, programs; decides what the machine leaves open, but for the folder,
// which is to be named like the machine. Runs code in a virtual machine where an accelerator is to be chosen.
// root: of the runtime folders. cache: as choose_accelerator() has it. Errors: the first thing that is missing, and
// what to do.
[[nodiscard]] Result<Plan> make_plan(Machine machine, const Attendants& attendants, const std::filesystem::path& root,
                                     const std::filesystem::path& cache, Occasion occasion = Occasion::now);

}  // namespace hesper::vm
