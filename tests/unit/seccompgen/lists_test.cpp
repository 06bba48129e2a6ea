// The lists of system calls: what the format means, and that a slip does not pass as a rule.
#include "lists.h"

#include <gtest/gtest.h>

namespace seccompgen {
namespace {

const Numbers kNumbers =
    parse_numbers("#define __NR_read 0\n#define __NR_clone 56\n#define OTHER 3\n#define __NR_kill 62\n");

Rule only_rule(std::string_view text) {
  const auto list = parse_list(text, kNumbers);
  return list && list->rules.size() == 1 ? list->rules[0]
                                         : Rule{.call = list ? "none or many" : list.error(), .tests = {}};
}

TEST(SyscallLists, NumbersComeFromThePreprocessor) {
  EXPECT_EQ(kNumbers, (Numbers{{"read", 0}, {"clone", 56}, {"kill", 62}}));
}

TEST(SyscallLists, ANameAloneAllows) {
  EXPECT_EQ(only_rule("# about\n\nread   # why\n"), (Rule{.call = "read", .tests = {}}));
}

TEST(SyscallLists, ActionsCarryTheirErrno) {
  EXPECT_EQ(only_rule("read refuse EPERM"), (Rule{.call = "read", .tests = {}, .action = "refuse", .error = "EPERM"}));
  EXPECT_EQ(only_rule("read report EACCES"),
            (Rule{.call = "read", .tests = {}, .action = "report", .error = "EACCES"}));
  EXPECT_EQ(only_rule("read kill"), (Rule{.call = "read", .tests = {}, .action = "kill"}));
}

TEST(SyscallLists, ConditionsAreMaskedComparisons) {
  const Rule rule = only_rule("clone if arg0 & 0xff == 0x10 and arg5 == self report EAGAIN");
  ASSERT_EQ(rule.tests.size(), 2u);
  EXPECT_EQ(rule.tests[0], (Condition{.argument = 0, .mask = 0xff, .value = 0x10}));
  EXPECT_EQ(rule.tests[1], (Condition{.argument = 5, .own_process = true}));
  EXPECT_EQ(rule.error, "EAGAIN");
}

TEST(SyscallLists, SlipsAreErrorsWithTheirLine) {
  const char* const slips[] = {
      "\nraed",
      "\nread allow",
      "\nread refuse",
      "\nread refuse 13",
      "\nread if",
      "\nread if arg6 == 0",
      "\nread if arg0 != 0",
      "\nread if arg0 == 0x",
      "\nread if arg0 & 0x0f == 0x10",
      "\nread if arg0 == 1 kill please",
      "\nsilent read",
      "\nread if arg0 == 1 and",
  };
  for (const char* slip : slips) {
    const auto list = parse_list(slip, kNumbers);
    ASSERT_FALSE(list) << slip;
    EXPECT_TRUE(list.error().starts_with("line 2: ")) << list.error();
  }
}

TEST(SyscallLists, WhatThisArchitectureLacksIsLeftOut) {
  const std::string code = emit({{"some", *parse_list("read\nopen\n", {})}}, kNumbers);
  EXPECT_NE(code.find("// read"), std::string::npos);
  EXPECT_EQ(code.find("// open"), std::string::npos);
}

}  // namespace
}  // namespace seccompgen
