// Syscall lists: registry/seccomp/*.txt, parsed. The format is explained in docs/sandbox.md.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace seccompgen {

struct Condition {
  unsigned argument = 0;
  std::uint64_t mask = ~std::uint64_t{0};
  std::uint64_t value = 0;
  bool own_process = false;
  bool operator==(const Condition&) const = default;
};

struct Rule {
  std::string call;
  std::vector<Condition> tests;
  std::string action = "allow";  // as in platform::SyscallRule::Action
  std::string error;             // name of an errno, or empty
  bool operator==(const Rule&) const = default;
};

struct List {
  std::vector<Rule> rules;
  bool silent = false;  // the line "silent"
};

// Numbers of this architecture's system calls by name.
using Numbers = std::map<std::string, std::uint32_t, std::less<>>;

// From what the preprocessor's -dM says about <sys/syscall.h>: lines "#define __NR_read 0".
[[nodiscard]] Numbers parse_numbers(std::string_view macros);

// The error is a sentence with the line's number. names: every call must be among them; empty: not checked.
[[nodiscard]] std::expected<List, std::string> parse_list(std::string_view text, const Numbers& names);

// The C++ of all lists by name; what `numbers` lacks is left out.
[[nodiscard]] std::string emit(const std::map<std::string, List>& lists, const Numbers& numbers);

}  // namespace seccompgen
