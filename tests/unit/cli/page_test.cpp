#include "cli/page.h"

#include <gtest/gtest.h>

namespace hesper::cli {
namespace {

TEST(Page, ParagraphsAreWrappedAndIndented) {
  Page page({.columns = 20});
  page.add("one two three four five six", 4, Style::plain, "ab");
  EXPECT_EQ(page.text(),
            "ab  one two three\n"
            "    four five six\n");
}

TEST(Page, WordsThatAreTooLongStandAlone) {
  Page page({.columns = 10});
  page.add("a 0123456789abcdef b", 2);
  EXPECT_EQ(page.text(), "  a\n  0123456789abcdef\n  b\n");
}

TEST(Page, CommandsAreNotWrapped) {
  Page page({.columns = 20});
  const std::string command = "sudo apt-get install -y qemu-system-x86 ovmf";
  page.add_step({.title = "Install QEMU",
                 .files = {{.path = "/etc/a b", .contents = "x = 1\n"}},
                 .commands = {command, "# Restart."},
                 .takes = advice::Takes::new_login},
                2);
  EXPECT_EQ(page.text(), "  $ echo 'x = 1' | sudo tee '/etc/a b'\n  $ " + command +
                             "\n  # Restart.\n    It takes effect\n    when you log in\n    again.\n");
}

TEST(Page, ColoursAreSwitched) {
  Page plain({.columns = 80, .colours = false});
  plain.add("text", 0, Style::bad);
  EXPECT_EQ(plain.text(), "text\n");
  Page coloured({.columns = 80, .colours = true});
  coloured.add("text", 6, Style::plain, "ok", Style::good);
  EXPECT_EQ(coloured.text(), "\x1b[32mok\x1b[0m    text\n");
}

TEST(Page, NothingReachesTheTerminalAsACommand) {
  Page page({.columns = 80, .colours = false});
  page.add("evil\x1b]0;x\x07 name\nline", 0, Style::plain, "\x1b[2J");
  page.add_line("a\x1b[1mb", 0);
  page.add_step({.title = "x",
                 .files = {{.path = "/etc/\x1b[1m", .contents = "\x1b[1m\nb\n"}},
                 .commands = {"echo \x1b[1m\necho \r"}},
                0);
  EXPECT_EQ(page.text().find('\x1b'), std::string::npos);
  EXPECT_EQ(page.text().find('\r'), std::string::npos);
  EXPECT_EQ(page.text().find('\x07'), std::string::npos);
}

}  // namespace
}  // namespace hesper::cli
