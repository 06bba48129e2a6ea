// Verdicts on accelerators.
#include "vm/accelerator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hesper::vm {
namespace {

using testing::HasSubstr;

constexpr int kPassed = 85;  // 0x2a through isa-debug-exit

TEST(SelfTest, Passes) {
  const auto verdict = judge_self_test(Accelerator::kvm, kPassed, "");
  EXPECT_TRUE(verdict.works);
  EXPECT_TRUE(verdict.is_final);
}

TEST(SelfTest, EmulationFailureIsForGood) {
  const auto verdict = judge_self_test(Accelerator::kvm, -1, "KVM internal error. Suberror: 1\nemulation failure\n");
  EXPECT_FALSE(verdict.works);
  EXPECT_TRUE(verdict.is_final);
  EXPECT_THAT(verdict.reason, HasSubstr("cannot execute all that a kernel does"));
}

TEST(SelfTest, WrongStepIsForGood) {
  const auto verdict = judge_self_test(Accelerator::kvm, 7 << 1 | 1, "");
  EXPECT_FALSE(verdict.works);
  EXPECT_TRUE(verdict.is_final);
  EXPECT_THAT(verdict.reason, HasSubstr("step 7"));
}

TEST(SelfTest, WhatMayBeBetterNextTimeIsNotKept) {
  const auto slow = judge_self_test(Accelerator::kvm, -1, "");
  EXPECT_FALSE(slow.works);
  EXPECT_FALSE(slow.is_final);
  EXPECT_THAT(slow.reason, HasSubstr("too slowly"));
  const auto refused = judge_self_test(Accelerator::hvf, 1, "qemu: HV_DENIED\nmore\n");
  EXPECT_FALSE(refused.works);
  EXPECT_FALSE(refused.is_final);
  EXPECT_EQ(refused.reason, "HVF does not start: qemu: HV_DENIED");
  // A triple fault, which -no-reboot makes an end.
  EXPECT_FALSE(judge_self_test(Accelerator::kvm, 0, "").works);
}

}  // namespace
}  // namespace hesper::vm
