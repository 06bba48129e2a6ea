// parse_web_address: what stands behind --web.
#include <gtest/gtest.h>

#include "screen/web/web.h"

namespace hesper::screen {
namespace {

struct Case {
  const char* text;
  const char* address;  // nullptr: refused
  std::uint16_t port;
};

TEST(WebAddress, Forms) {
  for (const Case& c :
       {Case{"", "127.0.0.1", 0}, Case{"8080", "127.0.0.1", 8080}, Case{"0.0.0.0", "0.0.0.0", 0},
        Case{"127.0.0.1", "127.0.0.1", 0}, Case{"10.0.0.1:80", "10.0.0.1", 80}, Case{"::1", "::1", 0},
        Case{"[::1]", "::1", 0}, Case{"[::1]:8080", "::1", 8080}, Case{"[::1", nullptr, 0},
        Case{"1.2.3.4:", nullptr, 0}, Case{"1.2.3.4:65536", nullptr, 0}, Case{"1.2.3.4:80x", nullptr, 0}}) {
    WebOptions options;
    const auto parsed = parse_web_address(c.text, options);
    EXPECT_EQ(parsed.has_value(), c.address != nullptr) << c.text;
    if (!parsed || c.address == nullptr) continue;
    EXPECT_EQ(options.address, c.address) << c.text;
    EXPECT_EQ(options.port, c.port) << c.text;
  }
}

}  // namespace
}  // namespace hesper::screen
