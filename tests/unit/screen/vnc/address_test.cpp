#include "screen/vnc/address.h"

#include <gtest/gtest.h>

namespace hesper::screen::vnc {
namespace {

TEST(VncAddress, IsTakenApart) {
  struct Case {
    std::string text, host;
    std::optional<std::uint16_t> port;
    std::string path;
  };
  for (const Case& each : {Case{"127.0.0.1:5901", "127.0.0.1", 5901, ""}, Case{"localhost", "localhost", {}, ""},
                           Case{"[::1]:5900", "::1", 5900, ""}, Case{"[::1]", "::1", {}, ""},
                           Case{"unix:/run/x", "", {}, "/run/x"}, Case{"0.0.0.0:0", "0.0.0.0", 0, ""}}) {
    const auto address = Address::parse(each.text);
    ASSERT_TRUE(address) << each.text;
    EXPECT_EQ(address->host, each.host);
    EXPECT_EQ(address->port, each.port);
    EXPECT_EQ(address->path, each.path);
  }
}

TEST(VncAddress, NonsenseIsRefusedWithASentence) {
  for (const std::string text : {"", ":5900", "unix:", "[::1", "a:b", "a:65536", "a:-1", "[::1]5900", "a:"}) {
    const auto address = Address::parse(text);
    ASSERT_FALSE(address) << text;
    EXPECT_NE(address.error().message.find("Write ADDRESS:PORT"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace hesper::screen::vnc
