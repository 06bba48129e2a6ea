// What people read about a proof; proofs themselves are in tests/e2e/test_proof.py.
#include "proof/proof.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "proof/machine.h"

namespace hesper::proof {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Proof, EveryStageHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kStages; ++i) names.insert(name_of(static_cast<Stage>(i)));
  EXPECT_EQ(names.size(), kStages);
  EXPECT_EQ(name_of(Stage::timing), "timing");
}

TEST(Proof, AFailureIsToldWithWhatWorkedAndWhatToDo) {
  const Proof proof{.stage = Stage::drawing,
                    .problem = "The GPU hangs.",
                    .remedy = "Try another one.",
                    .reached = "QEMU started, code of the guest ran."};
  EXPECT_EQ(describe(proof),
            "The proof fails at stage 'drawing'. The GPU hangs. Before that: QEMU started, code of the guest ran. Try "
            "another one.");
}

TEST(Proof, AFailureAtTheStartHasNothingBeforeIt) {
  EXPECT_EQ(describe({.problem = "QEMU is missing."}), "The proof fails at stage 'host'. QEMU is missing.");
}

TEST(Proof, ASuccessNamesDriverAndTimes) {
  const Proof proof{.passed = true,
                    .stage = Stage::timing,
                    .accelerator = "kvm",
                    .driver = "llvmpipe",
                    .first_picture_ms = 311.6,
                    .device_fence = {.p50 = 3, .p95 = 4},
                    .queue_fence = {.p50 = 29.4, .p95 = 49.6}};
  EXPECT_EQ(
      describe(proof),
      "A guest (kvm) showed what it must, 312 ms after its start, and what Vulkan drew for it on llvmpipe. A fence "
      "takes 29 us there and back (95 % of them: 50 us).");
}

TEST(Proof, WithoutVulkanTheFenceIsTheDevices) {
  const Proof proof{.passed = true, .accelerator = "tcg", .device_fence = {.p50 = 3, .p95 = 4}};
  EXPECT_THAT(describe(proof), HasSubstr("A fence takes 3 us"));
  EXPECT_THAT(describe(proof), Not(HasSubstr("Vulkan")));
}

TEST(Proof, ThisBuildHasAGuestForThisMachine) {
  const auto program = guest_program(vm::host_architecture());
  ASSERT_GT(program.size(), 4u);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(program.data()), 4),
            "\x7f"
            "ELF");
}

}  // namespace
}  // namespace hesper::proof
