// All facts of whole hosts: those of tests/hosts, and this one.
#include "host/gather.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "host/described.h"

namespace hesper::host {
namespace {

TEST(Gather, WhatARecorderWroteGivesTheSameFacts) {
  const auto files = test::host_files();
  ASSERT_GE(files.size(), 3u);
  for (const auto& file : files) {
    const auto inner = test::described(test::contents_of(file));
    const auto recorder = Recorder::create(*inner);
    nlohmann::json facts = to_json(gather_facts(*recorder));
    nlohmann::json again = to_json(gather_facts(*test::described(recorder->description())));
    // What names the user is replaced.
    for (nlohmann::json* each : {&facts, &again}) each->erase("user");
    std::string text = facts.dump();
    const std::string home = inner->variable("HOME").value_or("/none");
    for (std::size_t at = text.find(home); at != std::string::npos; at = text.find(home, at + 1))
      text.replace(at, home.size(), "/home/user");
    EXPECT_EQ(nlohmann::json::parse(text), again) << file;
  }
}

TEST(Gather, ThisHostToo) {
  ::setenv("PATH", "/usr/bin:/bin", 1);  // without Hesper's own programs
  const auto real = real_system("/", "/none");
  const auto recorder = Recorder::create(*real);
  const Facts facts = gather_facts(*recorder);
  EXPECT_TRUE(facts.system.kernel.known());
  EXPECT_TRUE(facts.memory.total.known());
  EXPECT_TRUE(facts.memory.page_size.known());
  const auto described = test::described(recorder->description());
  const Facts again = gather_facts(*described);
  EXPECT_EQ(to_json(again).at("processor"), to_json(facts).at("processor"));
  EXPECT_EQ(to_json(again).at("iommu"), to_json(facts).at("iommu"));
  EXPECT_EQ(to_json(again).at("passthrough"), to_json(facts).at("passthrough"));
  EXPECT_EQ(to_json(again).at("memory"), to_json(facts).at("memory"));
  EXPECT_EQ(again.gpus.size(), facts.gpus.size());
  EXPECT_EQ(again.vulkan.icds.size(), facts.vulkan.icds.size());
}

TEST(Gather, AnEmptyHostIsUnknownEverywhere) {
  const Facts facts = gather_facts(*test::described(""));
  for (const Fact<std::string>* fact : {&facts.system.distribution, &facts.system.kernel, &facts.processor.vendor}) {
    EXPECT_FALSE(fact->known());
    EXPECT_FALSE(fact->why.empty());
    EXPECT_FALSE(fact->source.empty());
  }
  EXPECT_FALSE(facts.vulkan.devices.known());
  EXPECT_TRUE(facts.gpus.empty());
  EXPECT_TRUE(facts.accelerators.kvm_works.is(false));
}

// Each fact is either known or has a reason.
void check(const nlohmann::json& json, const std::string& where) {
  if (json.is_object() && json.contains("source") && (json.contains("value") || json.contains("unknown"))) {
    EXPECT_TRUE(!json.contains("unknown") || json["unknown"] != "") << where;
    return;
  }
  if (!json.is_structured()) return;
  for (const auto& [name, value] : json.items()) check(value, where + "/" + name);
}

TEST(Gather, NoFactIsUnknownWithoutAReason) {
  check(to_json(gather_facts(*test::described(""))), "nothing");
  for (const auto& file : test::host_files())
    check(to_json(gather_facts(*test::described(test::contents_of(file)))), file.native());
}

TEST(Gather, WithoutSelfTestsNothingOfOursIsStarted) {
  const auto inner = test::described(
      "@ file /dev/kvm device 0666 root:kvm\n@ command 0 qemu-system-x86_64 --version\nQEMU emulator version 11.1.0\n");
  const Facts facts = gather_facts(*inner, {.run_self_tests = false});
  EXPECT_FALSE(facts.accelerators.kvm_works.known());
  EXPECT_FALSE(facts.services.encoders.known());
}

Facts facts_of(const char* name) {
  return gather_facts(*test::described(test::contents_of(std::filesystem::path(HESPER_HOSTS) / name)));
}

TEST(Hosts, DebianWithLavapipe) {
  const Facts facts = facts_of("debian-13-lavapipe.host");
  EXPECT_TRUE(facts.system.distribution.is("debian"));
  EXPECT_TRUE(facts.system.surroundings.is(Surroundings::virtual_machine));
  EXPECT_TRUE(facts.system.boot_loader.is("grub"));
  EXPECT_TRUE(facts.system.initramfs.is("initramfs-tools"));
  EXPECT_TRUE(facts.accelerators.kvm_opens.is(true));
  EXPECT_TRUE(facts.accelerators.kvm_works.is(false));
  ASSERT_EQ(facts.qemus.size(), 1u);
  EXPECT_TRUE(facts.qemus[0].shared_memory_window.is(true));
  EXPECT_TRUE(facts.qemus[0].native_context.is(true));
  EXPECT_TRUE(facts.qemus[0].firmware.is("/usr/share/OVMF/OVMF_CODE_4M.fd"));
  EXPECT_TRUE(facts.gpus.empty());
  ASSERT_EQ(facts.vulkan.icds.size(), 1u);
  EXPECT_EQ(facts.vulkan.icds[0].problem, "");
  ASSERT_TRUE(facts.vulkan.devices.known());
  EXPECT_EQ(facts.vulkan.devices.value->at(0).kind, "cpu");
  EXPECT_TRUE(facts.services.ssh_server.is(true));
  EXPECT_TRUE(facts.services.serial_console.is(true));
  EXPECT_TRUE(facts.limits.nofile.is(524'288));
}

TEST(Hosts, IntelLaptopWithTwoGpus) {
  const Facts facts = facts_of("intel-laptop-two-gpus.host");
  ASSERT_EQ(facts.gpus.size(), 2u);
  EXPECT_EQ(facts.gpus[0].name, "Alder Lake-P GT2 [Iris Xe Graphics]");
  EXPECT_TRUE(facts.gpus[0].boot_vga.is(true));
  EXPECT_TRUE(facts.gpus[0].integrated.is(true));
  EXPECT_EQ(facts.gpus[0].users, std::vector<std::string>{"gnome-shell (2110)"});
  EXPECT_THAT(facts.gpus[0].modules, testing::ElementsAre("i915", "xe"));
  EXPECT_EQ(facts.gpus[1].name, "GA107M [GeForce RTX 3050 Ti Mobile]");
  EXPECT_TRUE(facts.gpus[1].driver.is("nvidia"));
  EXPECT_TRUE(facts.gpus[1].boot_vga.is(false));
  EXPECT_EQ(facts.gpus[1].siblings.size(), 1u);
  EXPECT_EQ(facts.gpus[1].pci->bars.at(1), std::uint64_t{4} << 30);
  EXPECT_TRUE(facts.iommu.on.is(true));
  EXPECT_EQ(facts.iommu.groups.size(), 4u);
  EXPECT_EQ(facts.processor.cores.value_or(0), 4u);
  EXPECT_TRUE(facts.accelerators.kvm_works.is(true));
  EXPECT_TRUE(facts.passthrough.vfio_module.is(true));
}

TEST(Hosts, AppleM2) {
  const Facts facts = facts_of("apple-m2.host");
  EXPECT_EQ(facts.system.kind, platform::System::macos);
  EXPECT_TRUE(facts.system.architecture.is("aarch64"));
  EXPECT_TRUE(facts.memory.page_size.is(16384));
  EXPECT_TRUE(facts.processor.vendor.is("Apple"));
  EXPECT_EQ(facts.processor.cpus.size(), 8u);
  EXPECT_TRUE(facts.accelerators.hvf_entitled.is(true));
  EXPECT_EQ(facts.accelerators.hvf_verdict, "");
  ASSERT_EQ(facts.qemus.size(), 1u);
  EXPECT_EQ(facts.qemus[0].program, "/opt/homebrew/bin/qemu-system-aarch64");
  EXPECT_TRUE(facts.qemus[0].firmware.known());
  ASSERT_EQ(facts.gpus.size(), 1u);
  EXPECT_EQ(facts.gpus[0].name, "Apple M2");
  ASSERT_EQ(facts.vulkan.icds.size(), 1u);
  EXPECT_TRUE(facts.vulkan.icds[0].portability);
  EXPECT_EQ(facts.vulkan.icds[0].problem, "");
  EXPECT_TRUE(facts.services.display.is("quartz"));
}

}  // namespace
}  // namespace hesper::host
