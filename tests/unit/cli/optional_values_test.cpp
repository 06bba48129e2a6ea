// with_values: addresses are values, files are not.
#include "cli/optional_values.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hesper::cli {
namespace {

using Words = std::vector<std::string>;

Words completed(Words words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  return with_values(pointers);
}

TEST(OptionalValues, AnImageBehindAnOptionStaysAnImage) {
  for (const char* file : {"disk.img", "./disk", "debian", "9front.img", "/tmp/a:b.img", "machine.toml", "--cpus"})
    EXPECT_EQ(completed({"run", "--web", file}), (Words{"run", "--web=127.0.0.1", file}));
  EXPECT_EQ(completed({"run", "--vnc", "--web", "disk.img"}),
            (Words{"run", "--vnc=127.0.0.1", "--web=127.0.0.1", "disk.img"}));
  EXPECT_EQ(completed({"export", "qemu", "--web", "disk.img"}),
            (Words{"export", "qemu", "--web=127.0.0.1", "disk.img"}));
  EXPECT_EQ(completed({"view", "--vnc"}), (Words{"view", "--vnc=127.0.0.1"}));
}

TEST(OptionalValues, AnAddressIsTheValue) {
  for (const std::string address : {"8080", "127.0.0.1", "0.0.0.0:80", "::1", "[::1]", "[::1]:5900", "localhost",
                                    "localhost:5901", "host.example:5901", "unix:/tmp/vnc", "127.0.0.1:x"}) {
    EXPECT_EQ(completed({"run", "--vnc", address, "disk.img"}), (Words{"run", "--vnc=" + address, "disk.img"}));
    EXPECT_EQ(completed({"run", "disk.img", "--web", address}), (Words{"run", "disk.img", "--web=" + address}));
  }
}

TEST(OptionalValues, WhatIsSaidWithAnEqualsSignStays) {
  EXPECT_EQ(completed({"run", "--web=disk.img", "x"}), (Words{"run", "--web=disk.img", "x"}));
}

TEST(OptionalValues, OtherCommandsAndTheirProgramsAreLeftAlone) {
  EXPECT_EQ(completed({"exec", "--web", "disk.img"}), (Words{"exec", "--web", "disk.img"}));
  EXPECT_EQ(completed({"run", "--", "--web"}), (Words{"run", "--", "--web"}));
  EXPECT_EQ(completed({}), Words{});
}

}  // namespace
}  // namespace hesper::cli
