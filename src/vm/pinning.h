// Pinning: which of the host's processors the threads of a running machine may use. What they were allowed before is
// kept in the machine's runtime folder, and so goes with it.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "base/error.h"
#include "platform/affinity.h"

namespace hesper::vm {

// A thread of QEMU's, of the GPU, of its workers, or of another process that the machine has.
struct MachineThread {
  platform::Thread thread;
  std::optional<unsigned> cpu;       // the guest's processor that it executes
  std::vector<unsigned> processors;  // of the host's, that it may use
};

// description: as describe_machine() answers. Threads that end meanwhile are left out.
// Errors: the system does not tell; the launcher does not know which threads execute the guest's processors.
[[nodiscard]] Result<std::vector<MachineThread>> threads_of_machine(const nlohmann::json& description);

// Gives each thread of a guest's processor the host's one that `cpus` has for it, and all others `others`; remembers
// what they had, unless that is remembered from an earlier time. What they start later inherits it.
// folder: the machine's. Returns the threads as they are afterwards.
// Errors: a guest's processor has no thread of its own; what was done before the failure stays, and can be undone.
[[nodiscard]] Result<std::vector<MachineThread>> pin_machine(const std::filesystem::path& folder,
                                                             const nlohmann::json& description,
                                                             const std::vector<unsigned>& cpus,
                                                             const std::vector<unsigned>& others);

// Gives each thread back what it had; one that was started since, what the first thread of its process had, or of the
// process that started that, or of QEMU. Errors: ENOENT, if nothing is remembered.
[[nodiscard]] Result<std::vector<MachineThread>> unpin_machine(const std::filesystem::path& folder,
                                                               const nlohmann::json& description);

// What is remembered of QEMU's first thread: what the machine was allowed before pin_machine(). Nothing: it has never
// been called.
[[nodiscard]] std::optional<std::vector<unsigned>> processors_before(const std::filesystem::path& folder,
                                                                     const nlohmann::json& description);

}  // namespace hesper::vm
