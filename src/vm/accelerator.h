// Accelerators: which one this host has that really runs guest code.
//
// That /dev/kvm can be opened says little: inside of virtual machines and containers there are some that stop at the
// first instruction that only kernels use, or take a thousand times as long. So QEMU runs a small kernel of ours
// (self_test_*.S) for a moment, and the verdict is kept until the host boots again or QEMU changes.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"
#include "vm/attendance.h"
#include "vm/machine.h"

namespace hesper::vm {

struct Verdict {
  bool works = false;
  std::string reason;     // a sentence: why not, or what was not tried
  bool is_final = false;  // the same as long as host and QEMU are: worth keeping
};

// What QEMU's end means, or with no end the text that it has written so far. status: of its process, as a shell gives
// it. Pure.
[[nodiscard]] Verdict judge_self_test(Accelerator accelerator, int status, std::string_view errors);

// Runs the self-test, for 5 s at most; a host that passes or cannot emulate something takes a fraction of a second.
// qemu: the program for the host's architecture. folder: where a file can be written for that time.
[[nodiscard]] Verdict test_accelerator(Accelerator accelerator, const std::filesystem::path& qemu,
                                       const std::filesystem::path& folder, const Attendants& attendants);

// The same, but a verdict that is final is looked up in a cache and kept there. cache: a folder, made if need be;
// empty: nothing is kept.
[[nodiscard]] Verdict verdict_on_accelerator(Accelerator accelerator, const std::filesystem::path& qemu,
                                             const std::filesystem::path& folder, const std::filesystem::path& cache,
                                             const Attendants& attendants);

struct ChosenAccelerator {
  Accelerator accelerator = Accelerator::tcg;
  std::string reason;  // a sentence, if the guest will be slower than one might expect; empty otherwise
};

// The first of KVM or HVF, and TCG, that works, or what is asked for without a test (so that its failure can be looked
// at). cache: as above.
// Errors: what is asked for is not there at all.
[[nodiscard]] Result<ChosenAccelerator> choose_accelerator(const Machine& machine, const std::filesystem::path& qemu,
                                                           const std::filesystem::path& folder,
                                                           const std::filesystem::path& cache,
                                                           const Attendants& attendants);

}  // namespace hesper::vm
