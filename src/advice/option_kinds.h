// The options one by one, a file each. options.cpp ranks them.
#pragma once

#include <string>
#include <vector>

#include "advice/options.h"
#include "host/facts.h"

namespace hesper::advice {

[[nodiscard]] Option virtual_gpu_option(const host::Facts& facts, const Question& question);
[[nodiscard]] Option native_context_option(const host::Facts& facts, const Question& question);
[[nodiscard]] Option sr_iov_option(const host::Facts& facts, const Question& question);
[[nodiscard]] Option mediated_option(const host::Facts& facts, const Question& question);
[[nodiscard]] Option passthrough_option(const host::Facts& facts, const Question& question);
[[nodiscard]] Option relay_option(const host::Facts& facts, const Question& question);
[[nodiscard]] Option paravirtual_option(const host::Facts& facts, const Question& question);
[[nodiscard]] Option software_option(const host::Facts& facts, const Question& question);

// ---- What several of them ask ---------------------------------------------------------------------------------------

// GPUs that draw: not those of virtual machines and management controllers. Only the one that was asked for, if any.
[[nodiscard]] std::vector<const host::Gpu*> real_gpus(const host::Facts& facts, const Question& question);

// The name of QEMU's program for guests of this host's own architecture, found or not: "qemu-system-x86_64".
[[nodiscard]] std::string qemu_name(const host::Facts& facts);
[[nodiscard]] Step step_to_qemu(const host::Facts& facts, std::string reason);

// Guest code runs on the processor itself, by KVM or HVF, as far as is known.
[[nodiscard]] bool runs_on_processor(const host::Facts& facts);
// Steps that would make it so, for instance by membership in a group.
[[nodiscard]] std::vector<Step> steps_to_processor(const host::Facts& facts);
// "KVM works", with its source.
[[nodiscard]] Sourced processor_fact(const host::Facts& facts);

// major.minor of "6.12.107+deb13-amd64" is at least this. False where the text has no version.
[[nodiscard]] bool is_at_least(const std::string& version, unsigned major, unsigned minor);

// Arguments that follow others: " -device vfio-pci,host=...", quoted for a shell.
[[nodiscard]] std::string further(const std::vector<std::string>& arguments);

}  // namespace hesper::advice
