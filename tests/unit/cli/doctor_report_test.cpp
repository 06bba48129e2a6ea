// The report of hesper doctor, of findings that tests/unit/advice has checked.
#include "cli/doctor_report.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "advice/healthy_host.h"

namespace hesper::cli {
namespace {

std::string report(const host::Facts& facts, bool all = false) {
  const auto findings = advice::findings(facts);
  Page page({.columns = 80});
  write_findings(page, findings, {.all = all});
  write_verdict(page, advice::verdict_of(facts, findings));
  return page.text();
}

TEST(DoctorReport, HealthyHostFitsAScreen) {
  const std::string text = report(advice::healthy_host());
  EXPECT_LT(std::ranges::count(text, '\n'), 40) << text;
  std::size_t longest = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    longest = std::max(longest, end - at);
    at = end + 1;
  }
  EXPECT_LE(longest, 80U) << text;
  EXPECT_TRUE(text.contains("Accelerator          ok  KVM runs guest code (tried)\n")) << text;
  EXPECT_TRUE(text.contains("\nhesper run: full acceleration. Guest code runs on KVM")) << text;
}

TEST(DoctorReport, TroubleComesWithEffectAndCommand) {
  host::Facts facts = advice::healthy_host();
  facts.accelerators.kvm_opens = advice::known(false);
  const std::string text = report(facts);
  EXPECT_TRUE(
      text.contains("Accelerator      better  You may not use /dev/kvm, which is open to the group\n"
                    "                         kvm.\n"
                    "                         QEMU translates the guest's code (TCG)"))
      << text;
  EXPECT_TRUE(text.contains("    $ sudo usermod -aG kvm alice\n      It takes effect when you log in again.\n"))
      << text;
  EXPECT_FALSE(text.contains("kvm.permission")) << text;
  EXPECT_TRUE(report(facts, true).contains("kvm.permission: /a/source")) << report(facts, true);
}

TEST(DoctorReport, WhatIsOfLittleInterestIsToldOnRequest) {
  EXPECT_FALSE(report(advice::healthy_host()).contains("open files"));
  EXPECT_TRUE(report(advice::healthy_host(), true).contains("1048576 open files"));
}

TEST(DoctorReport, UnknownIsNeitherGoodNorBad) {
  host::Facts facts = advice::healthy_host();
  facts.accelerators.kvm_works = advice::unknown<bool>("The self-test was not run.");
  const std::string text = report(facts);
  EXPECT_TRUE(text.contains("Accelerator     unknown  Whether KVM runs")) << text;
  EXPECT_TRUE(text.contains("Nothing in the way was found")) << text;
}

TEST(DoctorReport, NamesOfTheHostAreMadePrintable) {
  host::Facts facts = advice::healthy_host();
  facts.gpus[0].name = "GPU\x1b[31m";
  facts.vulkan.devices.value->front().name = "evil\x1b]0;owned\x07\n";
  facts.system.name = advice::known<std::string>(
      "\x9b"
      "2J");
  EXPECT_EQ(report(facts, true).find('\x1b'), std::string::npos);
  EXPECT_EQ(report(facts, true).find('\x07'), std::string::npos);
  EXPECT_EQ(report(facts, true).find('\x9b'), std::string::npos);
}

}  // namespace
}  // namespace hesper::cli
