// What is taken of large data bases, and who holds files open.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/described.h"

namespace hesper::host {
namespace {

TEST(Excerpt, TakesLinesByTheirBeginning) {
  EXPECT_EQ(excerpt_of("alias a x\nalias b y\nalias a z\n", {"alias a"}), "alias a x\nalias a z\n");
  EXPECT_EQ(excerpt_of("a\n", {}), "");
}

TEST(Excerpt, IndentedLinesBringWhatTheyStandBelow) {
  constexpr std::string_view kIds =
      "# comment\n0001  One\n\t1000  First\n\t\t0001 0002  Board\n0002  Two\n\t1000  Second\n\t2000  Third\n";
  EXPECT_EQ(excerpt_of(kIds, {"\t1000 "}), "0001  One\n\t1000  First\n0002  Two\n\t1000  Second\n");
  EXPECT_EQ(excerpt_of(kIds, {"\t2000 ", "\t1000 "}),
            "0001  One\n\t1000  First\n0002  Two\n\t1000  Second\n\t2000  Third\n");
  EXPECT_EQ(excerpt_of(kIds, {"\t\t0001"}), "0001  One\n\t1000  First\n\t\t0001 0002  Board\n");
}

TEST(Excerpt, OfAnExcerptIsTheSame) {
  constexpr std::string_view kIds = "0001  One\n\t1000  First\n\n\t\t\tdeep\n0002  Two\n\t1000  Second\n";
  const std::string once = excerpt_of(kIds, {"\t1000 ", "\t\t\tdeep"});
  EXPECT_EQ(excerpt_of(once, {"\t1000 ", "\t\t\tdeep"}), once);
}

TEST(Holders, AreFoundByTheLinksOfProc) {
  const auto system = test::described(
      "@ link /proc/12/fd/3 /dev/dri/card0\n@ file /proc/12/comm\nXorg\n"
      "@ link /proc/13/fd/0 /dev/null\n@ error EACCES /proc/14/fd\n@ link /proc/self/fd/1 /dev/dri/card0\n");
  const auto holders = holders_by_proc(*system, {"/dev/dri/card0", "/dev/dri/card1"});
  EXPECT_THAT(holders, testing::ElementsAre(Holder{.file = "/dev/dri/card0", .process = 12, .program = "Xorg"}));
}

}  // namespace
}  // namespace hesper::host
