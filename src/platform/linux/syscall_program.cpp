// The compiler. Numbers are cut into intervals with the same answer, and found by binary search: a call costs about
// eight instructions, however long the lists are, and those that need no look at arguments are cached by the kernel
// (Linux 5.11) and cost none.
// Spec: Linux, Documentation/userspace-api/seccomp_filter.rst.
#include "platform/linux/syscall_program.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <map>
#include <span>

namespace hesper::platform {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
constexpr std::uint32_t kFirstForeign = 0x40000000;  // x32: the same calls under other numbers
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t kFirstForeign = 0x80000000;
#else
#error "System call filters are not written for this architecture yet."
#endif
static_assert(std::endian::native == std::endian::little,
              "The halves of arguments are looked for at little endian places.");

using Program = std::vector<sock_filter>;

// What happens to one call: allowances with conditions, tried in order, then refusals, then the rest.
struct Answer {
  struct Conditional {
    std::span<const ArgumentTest> tests;
    std::uint32_t value;
  };
  std::vector<Conditional> conditional;
  std::uint32_t otherwise;

  [[nodiscard]] bool is_constant() const { return conditional.empty(); }
};

std::uint32_t value_of(const SyscallRule& rule, bool silent) {
  using enum SyscallRule::Action;
  switch (rule.action) {
    case allow: return SECCOMP_RET_ALLOW;
    case report:
      if (!silent) return SECCOMP_RET_TRAP | (rule.error & kTrapError);
      [[fallthrough]];
    case refuse: return SECCOMP_RET_ERRNO | rule.error;
    case kill: return SECCOMP_RET_TRAP | kTrapFatal;
  }
  return SECCOMP_RET_KILL_PROCESS;
}

std::uint32_t unlisted_value(const SyscallFilter& filter) {
  if (filter.unlisted == SyscallFilter::Unlisted::allow) return SECCOMP_RET_ALLOW;
  return (filter.silent ? SECCOMP_RET_ERRNO : SECCOMP_RET_TRAP) | ENOSYS;
}

void add(Answer& answer, bool& complete, const SyscallRule& rule, bool silent) {
  if (complete) return;  // an earlier rule fits every call
  const std::uint32_t value = value_of(rule, silent);
  if (rule.tests.empty()) {
    answer.otherwise = value;
    complete = true;
  } else {
    answer.conditional.push_back({.tests = rule.tests, .value = value});
  }
}

std::map<std::uint32_t, Answer> answers_of(const SyscallFilter& filter) {
  std::map<std::uint32_t, Answer> answers;
  std::map<std::uint32_t, bool> complete;
  for (const bool allowing : {true, false})
    for (const auto list : filter.lists)
      for (const SyscallRule& rule : list) {
        if ((rule.action == SyscallRule::Action::allow) != allowing) continue;
        auto& answer = answers.try_emplace(rule.number, Answer{.otherwise = unlisted_value(filter)}).first->second;
        add(answer, complete[rule.number], rule, filter.silent);
      }
  // An allowance for every call leaves nothing for conditions to add.
  for (auto& [number, answer] : answers)
    if (answer.otherwise == SECCOMP_RET_ALLOW &&
        std::ranges::all_of(answer.conditional, [](const auto& each) { return each.value == SECCOMP_RET_ALLOW; }))
      answer.conditional.clear();
  return answers;
}

void load(Program& program, std::size_t offset) {
  program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
}

void give(Program& program, std::uint32_t value) { program.push_back(BPF_STMT(BPF_RET | BPF_K, value)); }

// Appends a test of 32 bits. Returns where its jump "if not" is to be patched, if it can fail at all.
void test_half(Program& program, std::size_t offset, std::uint32_t mask, std::uint32_t value,
               std::vector<std::size_t>& if_not) {
  if (mask == 0 && value == 0) return;
  load(program, offset);
  if (mask != ~std::uint32_t{0}) program.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
  if_not.push_back(program.size());
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0));
}

Program body_of(const Answer& answer, std::uint32_t own_process) {
  Program body;
  for (const auto& [tests, value] : answer.conditional) {
    std::vector<std::size_t> if_not;
    for (const ArgumentTest& test : tests) {
      const std::uint64_t wanted = test.own_process ? own_process : test.value;
      const std::size_t low = offsetof(seccomp_data, args) + test.argument * sizeof(std::uint64_t);
      test_half(body, low, static_cast<std::uint32_t>(test.mask), static_cast<std::uint32_t>(wanted), if_not);
      test_half(body, low + 4, static_cast<std::uint32_t>(test.mask >> 32), static_cast<std::uint32_t>(wanted >> 32),
                if_not);
    }
    give(body, value);
    for (const std::size_t at : if_not) body[at].jf = static_cast<std::uint8_t>(body.size() - at - 1);
  }
  give(body, answer.otherwise);
  return body;
}

struct Interval {
  std::uint32_t first;  // up to the next interval's
  Program body;
};

bool same(const Program& one, const Program& other) {
  return std::ranges::equal(one, other, [](const sock_filter& a, const sock_filter& b) {
    return a.code == b.code && a.jt == b.jt && a.jf == b.jf && a.k == b.k;
  });
}

std::vector<Interval> intervals_of(const std::map<std::uint32_t, Answer>& answers, std::uint32_t unlisted,
                                   std::uint32_t own_process) {
  std::vector<Interval> intervals;
  const auto begin_at = [&](std::uint32_t number, Program body) {
    if (!intervals.empty() && intervals.back().first == number) intervals.pop_back();
    if (intervals.empty() || !same(intervals.back().body, body))
      intervals.push_back({.first = number, .body = std::move(body)});
  };
  const Program rest = body_of(Answer{.conditional = {}, .otherwise = unlisted}, own_process);
  begin_at(0, rest);
  for (const auto& [number, answer] : answers) {
    begin_at(number, body_of(answer, own_process));
    begin_at(number + 1, rest);
  }
  begin_at(kFirstForeign, body_of(Answer{.conditional = {}, .otherwise = SECCOMP_RET_KILL_PROCESS}, own_process));
  return intervals;
}

// The number is in the accumulator. Jumps over a half may be long, thus the unconditional ones.
void search(Program& program, std::span<const Interval> intervals) {
  if (intervals.size() == 1) {
    program.insert(program.end(), intervals[0].body.begin(), intervals[0].body.end());
    return;
  }
  const std::size_t middle = intervals.size() / 2;
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, intervals[middle].first, 0, 1));
  const std::size_t jump = program.size();
  program.push_back(BPF_STMT(BPF_JMP | BPF_JA, 0));
  search(program, intervals.first(middle));
  program[jump].k = static_cast<std::uint32_t>(program.size() - jump - 1);
  search(program, intervals.subspan(middle));
}

}  // namespace

std::vector<sock_filter> compile(const SyscallFilter& filter, std::uint32_t own_process) {
  Program program;
  load(program, offsetof(seccomp_data, arch));
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0));
  give(program, SECCOMP_RET_KILL_PROCESS);
  load(program, offsetof(seccomp_data, nr));
  search(program, intervals_of(answers_of(filter), unlisted_value(filter), own_process));
  return program;
}

}  // namespace hesper::platform
