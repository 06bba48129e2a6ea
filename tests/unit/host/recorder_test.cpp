// What a Recorder writes down, and what it replaces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "host/described.h"
#include "host/description.h"

namespace hesper::host {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Recorder, WhatWasAskedIsAnsweredTheSameWay) {
  const auto inner = test::described(
      "@ user user 1000 user\n@ file /a\nx\n@ link /l /a\n@ folder /f\nb\n@ error EACCES /s\n@ file /kvm device 0660 "
      "root:kvm\n"
      "@ command 1 tool\nout\n@ errors\nerr\n@ variable V v\n@ holder /kvm 3 qemu\n@ program /usr/bin/p\n"
      "@ file /ids\n1  One\n\t2  Two\n3  Three\n");
  const auto recorder = Recorder::create(*inner);
  const auto ask = [](const System& system) {
    std::string said;
    const auto add = [&](const auto& answer) { said += answer ? *answer + ';' : answer.error().message; };
    add(system.read("/a"));
    add(system.read("/none"));
    add(system.read("/s"));
    add(system.read_link("/l"));
    add(system.excerpt("/ids", {"\t2"}));
    add(system.excerpt("/ids", {"3"}));
    said += std::to_string(system.list("/f")->size()) + system.status("/kvm")->group;
    said += system.may(Access::read_write, "/kvm") ? "yes" : "no";
    said += system.run({"tool"})->errors + system.run({"none"}).error().message;
    said += system.variable("V").value_or("") + system.holders({"/kvm"}).at(0).program;
    said += system.find_program("p")->native() + system.user().name;
    return said;
  };
  const std::string first = ask(*recorder);
  const std::string description = recorder->description();
  EXPECT_EQ(ask(*test::described(description)), first) << description;
  EXPECT_THAT(description, Not(HasSubstr("none")));
}

TEST(Recorder, NamesAndAddressesAreReplaced) {
  const auto inner = test::described(
      "@ user alice 1000 alice kvm\n@ variable HOME /home/alice\n@ variable XDG_DATA_HOME /home/alice/.data\n"
      "@ file /proc/sys/kernel/hostname\nwonderland\n@ file /etc/os-release\nID=debian\n"
      "@ file /home/alice/.data/icd.json file 0600 alice:alice\n{\"library_path\": \"/home/alice/lib.so\"}\n"
      "@ file /proc/cmdline\nroot=UUID=0123abcd-0123-4567-89ab-0123456789ab ip=wonderland mac=52:54:00:12:34:56 "
      "by=alice\n"
      "@ command 0 tool /home/alice/x\nof alice at wonderland, not malice\n");
  const auto recorder = Recorder::create(*inner);
  (void)recorder->user();
  (void)recorder->variable("XDG_DATA_HOME");
  (void)recorder->read("/home/alice/.data/icd.json");
  (void)recorder->status("/home/alice/.data/icd.json");
  (void)recorder->read("/proc/cmdline");
  (void)recorder->run({"tool", "/home/alice/x"});
  const std::string description = recorder->description();
  EXPECT_THAT(description, Not(HasSubstr("alice at")));
  for (const char* secret : {"wonderland", "0123abcd", "52:54", "/home/alice", "=alice"})
    EXPECT_THAT(description, Not(HasSubstr(secret)));
  for (const char* kept : {"malice", "02:00:00:00:00:00", "@ user user 1000 user kvm", "/home/user/.data/icd.json",
                           "user:user", "library_path", "ip=host"})
    EXPECT_THAT(description, HasSubstr(kept));
}

TEST(Recorder, AHostThatIsCalledLikeItsDistributionKeepsIt) {
  const auto inner = test::described(
      "@ user root 0 root\n@ file /proc/sys/kernel/hostname\ndebian\n@ file /etc/os-release\nID=debian\n");
  const auto recorder = Recorder::create(*inner);
  (void)recorder->read("/etc/os-release");
  EXPECT_THAT(recorder->description(), HasSubstr("ID=debian"));
}

TEST(Recorder, AddressesOfPciAreNotThoseOfNetworkCards) {
  const auto inner =
      test::described("@ file /a\n0000:01:00.0 IR-PCI-MSI-0000:00:1f.3 00:11:22:33:44:55:66 11:22:33:44:55\n");
  const auto recorder = Recorder::create(*inner);
  const std::string text = recorder->read("/a").value_or("");
  EXPECT_THAT(recorder->description(), HasSubstr(text));
}

TEST(Recorder, ServesSeveralThreads) {
  const auto inner = test::described("@ file /a\nx\n@ command 0 tool\n");
  const auto recorder = Recorder::create(*inner);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int n = 0; n < 200; ++n) {
          EXPECT_TRUE(recorder->read("/a"));
          EXPECT_TRUE(recorder->run({"tool"}));
          EXPECT_FALSE(recorder->description().empty());
        }
      });
  }
  EXPECT_TRUE(described_system(recorder->description()));
}

}  // namespace
}  // namespace hesper::host
