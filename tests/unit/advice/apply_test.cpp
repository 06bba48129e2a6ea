// Doing and undoing on a scratch root: afterwards every byte is as it was.
#include "advice/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <map>

#include "advice/gpu_hosts.h"
#include "advice/passthrough.h"
#include "support/temporary_directory.h"

namespace hesper::advice {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Linux's PCI core as far as binding goes, and a note of each command.
class FakeHands : public Hands {
 public:
  explicit FakeHands(std::filesystem::path root) : root_(std::move(root)) {}

  std::map<std::string, std::string> drivers;    // by address
  std::map<std::string, std::string> usual;      // who takes a device that has no override
  std::map<std::string, std::string> overrides;  // by address
  std::vector<std::vector<std::string>> commands;
  std::string failing;  // a command, or a word that is told, that fails

  Result<void> run(const std::vector<std::string>& command) override {
    if (!failing.empty() && command.front() == failing) return fail("It fails.");
    commands.push_back(command);
    return {};
  }

  Result<void> tell_kernel(const std::filesystem::path& file, std::string_view text) override {
    if (!failing.empty() && text == failing) return fail("It fails.");
    const std::string path = "/" + file.lexically_relative(root_).native();
    const std::string prefix = "/sys/bus/pci/devices/";
    if (path == "/sys/bus/pci/drivers_probe") {
      const std::string address(text);
      if (drivers.contains(address)) return {};
      const auto override = overrides.find(address);
      const std::string driver = override == overrides.end() ? usual[address] : override->second;
      if (!driver.empty()) drivers[address] = driver;
      return {};
    }
    if (!path.starts_with(prefix)) return fail("No such file: " + path, ENOENT);
    const std::string address = path.substr(prefix.size(), 12);
    if (path.ends_with("/driver/unbind")) {
      if (!drivers.contains(address)) return fail("No driver.", ENOENT);
      drivers.erase(address);
    } else if (text.empty()) {
      overrides.erase(address);
    } else {
      overrides[address] = text;
    }
    return {};
  }

 private:
  std::filesystem::path root_;
};

// Every name below a folder with what makes it what it is.
std::map<std::string, std::string> tree(const std::filesystem::path& root) {
  std::map<std::string, std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    struct stat status{};
    ::lstat(entry.path().c_str(), &status);
    std::string text = std::to_string(status.st_mode) + ":" + std::to_string(status.st_uid) + ":";
    if (entry.is_regular_file()) {
      std::ifstream file(entry.path(), std::ios::binary);
      text.append(std::istreambuf_iterator<char>(file), {});
    }
    names[entry.path().lexically_relative(root).native()] = text;
  }
  return names;
}

class Apply : public ::testing::Test {
 protected:
  Apply() {
    place.root = folder.path();
    place.boot = "this boot";
    folder.write("etc/modprobe.d/other.conf", "options other\n");
    folder.write("var/lib/other/file", "x");
  }
  const std::string name = "passthrough-0000:01:00.0";
  test::TemporaryDirectory folder;
  Place place;
  FakeHands hands{folder.path()};
};

TEST_F(Apply, TakesBackEveryByte) {
  for (const char* generator : {"initramfs-tools", "dracut", "mkinitcpio"}) {
    for (const bool driverctl : {false, true}) {
      host::Facts facts = host_with_two_gpus();
      facts.system.initramfs = known<std::string>(generator);
      facts.passthrough.driverctl = known(driverctl);
      const auto plan = plan_passthrough(facts, {.address = "0000:01:00.0"});
      ASSERT_TRUE(plan);
      const auto before = tree(folder.path());
      ASSERT_TRUE(apply(plan->actions, name, place, hands));
      EXPECT_TRUE(is_applied(name, place));
      EXPECT_NE(tree(folder.path()), before);
      ASSERT_TRUE(take_back(name, place, hands));
      EXPECT_FALSE(is_applied(name, place));
      EXPECT_EQ(tree(folder.path()), before) << generator << driverctl;
    }
  }
}

TEST_F(Apply, TheInitramfsIsMadeAnewAfterTheFilesAreGone) {
  const auto plan = plan_passthrough(host_with_two_gpus(), {.address = "0000:01:00.0"});
  ASSERT_TRUE(apply(plan->actions, name, place, hands));
  const auto lines = what_take_back_does(name, place);
  ASSERT_TRUE(lines);
  EXPECT_THAT(*lines,
              ElementsAre("remove /etc/initramfs-tools/hooks/hesper-vfio-0000-01-00-0",
                          "remove /etc/modprobe.d/hesper-vfio-0000-01-00-0.conf", "run update-initramfs -u -k all"));
}

TEST_F(Apply, BindsAtOnceAndBack) {
  hands.drivers = hands.usual = {{"0000:01:00.0", "nvidia"}, {"0000:01:00.1", "snd_hda_intel"}};
  const auto earlier = hands.drivers;
  const auto plan = plan_passthrough(host_with_two_gpus(), {.address = "0000:01:00.0", .binding = Binding::now});
  ASSERT_TRUE(apply(plan->actions, name, place, hands));
  EXPECT_EQ(hands.drivers["0000:01:00.0"], "vfio-pci");
  EXPECT_EQ(hands.drivers["0000:01:00.1"], "vfio-pci");
  const auto undone = take_back(name, place, hands);
  ASSERT_TRUE(undone) << undone.error().message;
  EXPECT_EQ(hands.drivers, earlier);
  EXPECT_THAT(hands.overrides, IsEmpty());
}

TEST_F(Apply, AfterABootNothingIsToldToTheKernel) {
  hands.drivers = hands.usual = {{"0000:01:00.0", "nvidia"}, {"0000:01:00.1", "snd_hda_intel"}};
  const auto plan = plan_passthrough(host_with_two_gpus(), {.address = "0000:01:00.0", .binding = Binding::now});
  ASSERT_TRUE(apply(plan->actions, name, place, hands));
  hands.failing = "0000:01:00.0";
  place.boot = "the next one";
  EXPECT_TRUE(take_back(name, place, hands));
  EXPECT_FALSE(is_applied(name, place));
}

TEST_F(Apply, WhatFailsHalfWayIsTakenBack) {
  const auto before = tree(folder.path());
  const auto plan = plan_passthrough(host_with_two_gpus(), {.address = "0000:01:00.0"});
  hands.failing = "update-initramfs";
  const auto failed = apply(plan->actions, name, place, hands);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("It fails."));
  // The initramfs could not be made anew, so its journal stays for another try; the files are gone.
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "etc/modprobe.d/hesper-vfio-0000-01-00-0.conf"));
  EXPECT_TRUE(is_applied(name, place));
  hands.failing.clear();
  ASSERT_TRUE(take_back(name, place, hands));
  EXPECT_EQ(tree(folder.path()), before);
}

TEST_F(Apply, ADeviceThatIsNotLetGoIsGivenBack) {
  hands.drivers = hands.usual = {{"0000:01:00.0", "nvidia"}, {"0000:01:00.1", "snd_hda_intel"}};
  const auto earlier = hands.drivers;
  const auto plan = plan_passthrough(host_with_two_gpus(), {.address = "0000:01:00.0", .binding = Binding::now});
  hands.failing = "0000:01:00.1";  // unbinding the sound
  const auto failed = apply(plan->actions, name, place, hands);
  ASSERT_FALSE(failed);
  hands.failing.clear();
  if (is_applied(name, place)) {
    ASSERT_TRUE(take_back(name, place, hands));
  }
  EXPECT_EQ(hands.drivers, earlier);
  EXPECT_THAT(hands.overrides, IsEmpty());
}

TEST_F(Apply, RefusesWhereSomebodyHasChangedAFile) {
  const auto plan = plan_passthrough(host_with_two_gpus(), {.address = "0000:01:00.0"});
  ASSERT_TRUE(apply(plan->actions, name, place, hands));
  const auto file = folder.write("etc/modprobe.d/hesper-vfio-0000-01-00-0.conf", "mine\n");
  const auto applied = tree(folder.path());
  const auto refused = take_back(name, place, hands);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("was changed since Hesper wrote it"));
  EXPECT_EQ(tree(folder.path()), applied) << "nothing is changed";
  std::filesystem::remove(file);
  EXPECT_TRUE(take_back(name, place, hands)) << "removed by hand is as good as by us";
}

TEST_F(Apply, RestoresAFileThatWasThereBefore) {
  const auto file = folder.write("etc/modprobe.d/hesper-vfio-0000-01-00-0.conf", std::string("bytes\0\xff\n", 8));
  std::filesystem::permissions(file, std::filesystem::perms::owner_read);
  const auto before = tree(folder.path());
  const auto plan = plan_passthrough(host_with_two_gpus(), {.address = "0000:01:00.0"});
  ASSERT_TRUE(apply(plan->actions, name, place, hands));
  ASSERT_TRUE(take_back(name, place, hands));
  EXPECT_EQ(tree(folder.path()), before);
}

TEST_F(Apply, NothingIsDoneTwice) {
  const std::vector<Action> actions = {WriteFile{{.path = "/etc/a", .contents = "a"}}};
  ASSERT_TRUE(apply(actions, name, place, hands));
  const auto again = apply(actions, name, place, hands);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, EEXIST);
}

TEST_F(Apply, ALinkIsNotFollowed) {
  const auto target = folder.write("etc/passwd", "root\n");
  std::filesystem::create_symlink(target, folder.path() / "etc/a");
  const auto before = tree(folder.path());
  const auto refused = apply({WriteFile{{.path = "/etc/a", .contents = "a"}}}, name, place, hands);
  ASSERT_FALSE(refused);
  EXPECT_EQ(tree(folder.path()), before);
}

TEST_F(Apply, NothingToTakeBackIsSaid) {
  const auto nothing = take_back(name, place, hands);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ENOENT);
}

TEST_F(Apply, ADamagedJournalChangesNothing) {
  const auto plan = plan_passthrough(host_with_two_gpus(), {.address = "0000:01:00.0"});
  ASSERT_TRUE(apply(plan->actions, name, place, hands));
  const auto journal = folder.path() / "var/lib/hesper/journals" / (name + ".json");
  for (const char* text : {"", "{", "[]", "{\"version\":1,\"boot\":7,\"folders_made\":[],\"entries\":[]}",
                           "{\"version\":2,\"boot\":\"\",\"folders_made\":[],\"entries\":[]}",
                           "{\"version\":1,\"boot\":\"\",\"folders_made\":[],\"entries\":[{\"do\":\"dance\"}]}"}) {
    std::ofstream(journal, std::ios::trunc) << text;
    const auto before = tree(folder.path());
    EXPECT_FALSE(take_back(name, place, hands)) << text;
    EXPECT_EQ(tree(folder.path()), before);
  }
}

}  // namespace
}  // namespace hesper::advice
