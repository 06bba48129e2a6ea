// Who may come in: hosts, origins, tokens.
#include "screen/web/gate.h"

#include <gtest/gtest.h>

#include <array>

namespace hesper::screen::web {
namespace {

const std::array<std::string, 1> kNames = {"vm.example.org"};

TEST(Gate, HostsOfThisServer) {
  for (const char* host : {"127.0.0.1", "127.0.0.1:8080", "localhost", "LocalHost:1", "demo.localhost:9", "[::1]:80",
                           "192.168.1.2:80", "vm.example.org", "VM.example.org:443"})
    EXPECT_TRUE(is_our_host(host, kNames)) << host;
}

TEST(Gate, HostsOfOthers) {
  for (const char* host : {"", ":80", "example.org", "evil.example:80", "127.0.0.1.evil.example", "[::1",
                           "localhost.evil", "notlocalhost", "xvm.example.org", "1.2.3"})
    EXPECT_FALSE(is_our_host(host, kNames)) << host;
}

TEST(Gate, OriginIsThatOfTheHost) {
  EXPECT_TRUE(is_our_origin("http://127.0.0.1:80", "127.0.0.1:80"));
  EXPECT_TRUE(is_our_origin("https://vm.example.org", "vm.example.org"));
  EXPECT_TRUE(is_our_origin("", "127.0.0.1:80"));
  for (const char* origin : {"null", "http://evil.example", "http://127.0.0.1", "http://127.0.0.1:81", "file://",
                             "http://127.0.0.1:80.evil.example", "127.0.0.1:80", "ftp://127.0.0.1:80"})
    EXPECT_FALSE(is_our_origin(origin, "127.0.0.1:80")) << origin;
}

TEST(Gate, TokensHave256Bits) {
  const std::string token = make_token();
  EXPECT_EQ(token.size(), 64u);
  EXPECT_EQ(token.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(token, make_token());
  EXPECT_EQ(derive_view_token(token).size(), 64u);
  EXPECT_NE(derive_view_token(token), token);
  EXPECT_EQ(derive_view_token(token), derive_view_token(token));
  EXPECT_NE(derive_view_token(token), derive_view_token(make_token()));
}

TEST(Gate, RolesOfTokens) {
  const Tokens tokens("secret", "looking");
  EXPECT_EQ(tokens.role_of("secret"), Role::operator_);
  EXPECT_EQ(tokens.role_of("looking"), Role::viewer);
  for (const char* token : {"", "secre", "secrets", "Secret", "lookinG"}) EXPECT_EQ(tokens.role_of(token), Role::none);
  EXPECT_EQ(Tokens("secret", "").role_of(""), Role::none);
}

TEST(Gate, TokensOfRequests) {
  EXPECT_EQ(query_value("/?token=abc&display=1", "token"), "abc");
  EXPECT_EQ(query_value("/?display=1&token=abc", "token"), "abc");
  EXPECT_EQ(query_value("/?mytoken=abc", "token"), "");
  EXPECT_EQ(query_value("/?token", "token"), "");
  EXPECT_EQ(query_value("/", "token"), "");
  EXPECT_EQ(path_of("/a?b?c"), "/a");
  EXPECT_EQ(bearer_token("Bearer abc "), "abc");
  EXPECT_EQ(bearer_token("Basic abc"), "");
  EXPECT_EQ(offered_token("hesper.v1, hesper.token.abc"), "abc");
  EXPECT_EQ(offered_token("hesper.token.,x"), "");
  EXPECT_EQ(offered_token("hesper.v1"), "");
  EXPECT_TRUE(offers_protocol(" hesper.v1 ,x", "hesper.v1"));
  EXPECT_FALSE(offers_protocol("hesper.v11", "hesper.v1"));
}

}  // namespace
}  // namespace hesper::screen::web
