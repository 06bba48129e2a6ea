// The command lines of a virtual machine's processes. Pure functions of a Plan: they look at nothing.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "vm/plan.h"

namespace hesper::vm {

// Each begins with the program, but for foreign_arguments().
[[nodiscard]] std::vector<std::string> qemu_command(const Plan& plan);
// For who has QEMU's other arguments from somewhere else: the devices of hesper gpu, with network also the network, and
// what the user adds. slot: of the first device on pcie.0; the others take those that follow.
[[nodiscard]] std::vector<std::string> foreign_arguments(const Plan& plan, unsigned slot, bool network);
// Of the network, where it is passt. It ends with QEMU.
[[nodiscard]] std::vector<std::string> passt_command(const Plan& plan);
[[nodiscard]] std::vector<std::string> gpu_command(const Plan& plan);
// Makes the EFI variables, for a plan with a template of them.
[[nodiscard]] std::vector<std::string> variables_command(const Plan& plan);
[[nodiscard]] std::vector<std::string> view_command(const Plan& plan);
// Of the share with this index.
[[nodiscard]] std::vector<std::string> share_command(const Plan& plan, std::size_t index);

// In one line, as a POSIX shell reads it.
[[nodiscard]] std::string quoted_for_shell(std::span<const std::string> command);

}  // namespace hesper::vm
