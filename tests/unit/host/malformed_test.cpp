// Hosts whose files and commands answer with nonsense: random bytes, far too much, nothing, errors, something else at
// the second time. Facts become unknown, with a reason that can be shown; nothing crashes or takes long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>

#include "host/described.h"
#include "host/gather.h"
#include "host/text.h"

namespace hesper::host {
namespace {

// A described host, some of whose answers are damaged.
class Damaged : public System {
 public:
  explicit Damaged(const System& inner) : inner_(inner) {}

  Result<std::string> read(const std::filesystem::path& file) const override { return damaged(inner_.read(file)); }
  Result<std::string> excerpt(const std::filesystem::path& file, const std::vector<std::string>& lines) const override {
    return damaged(inner_.excerpt(file, lines));
  }
  Result<std::vector<std::string>> list(const std::filesystem::path& folder) const override {
    return damaged(inner_.list(folder));
  }
  Result<std::string> read_link(const std::filesystem::path& link) const override {
    return damaged(inner_.read_link(link));
  }
  Result<FileStatus> status(const std::filesystem::path& file) const override { return inner_.status(file); }
  Result<void> may(Access access, const std::filesystem::path& file) const override { return inner_.may(access, file); }
  std::vector<Holder> holders(const std::vector<std::filesystem::path>& files) const override {
    return inner_.holders(files);
  }
  Result<CommandOutput> run(const std::vector<std::string>& command,
                            std::chrono::milliseconds patience) const override {
    auto answer = inner_.run(command, patience);
    if (!answer) return answer;
    auto output = damaged(Result<std::string>(answer->output));
    if (!output) return std::unexpected(output.error());
    answer->output = *output;
    answer->errors = damaged(Result<std::string>(answer->errors)).value_or("");
    return answer;
  }
  std::optional<std::filesystem::path> find_program(std::string_view name) const override {
    return inner_.find_program(name);
  }
  std::optional<std::string> variable(std::string_view name) const override {
    const auto value = inner_.variable(name);
    return value ? std::optional(damaged(Result<std::string>(*value)).value_or("")) : value;
  }
  User user() const override { return inner_.user(); }

 protected:
  virtual Result<std::string> damaged(Result<std::string> answer) const = 0;
  virtual Result<std::vector<std::string>> damaged(Result<std::vector<std::string>> answer) const { return answer; }

 private:
  const System& inner_;
};

// Replaces every text by what the test says.
class Always : public Damaged {
 public:
  Always(const System& inner, std::function<Result<std::string>()> answer)
      : Damaged(inner), answer_(std::move(answer)) {}

 protected:
  using Damaged::damaged;
  Result<std::string> damaged(Result<std::string> answer) const override { return answer ? answer_() : answer; }

 private:
  std::function<Result<std::string>()> answer_;
};

// Changes, cuts, doubles and loses at random.
class AtRandom : public Damaged {
 public:
  AtRandom(const System& inner, unsigned seed) : Damaged(inner), seed_(seed) {}

 protected:
  Result<std::string> damaged(Result<std::string> answer) const override {
    std::mt19937 random(seed_ + ++count_);  // any thread's
    if (!answer) return answer;
    switch (random() % 8) {
      case 0: return fail_errno("It is gone", ENOENT);
      case 1: return fail_errno("It is not yours", EACCES);
      case 2: return std::string();
      case 3: return answer->substr(0, random() % (answer->size() + 1));
      case 4:
        for (unsigned i = 0; i < 1 + answer->size() / 16 && !answer->empty(); ++i)
          (*answer)[random() % answer->size()] = static_cast<char>(random());
        return answer;
      case 5: return *answer + *answer;
      default: return answer;
    }
  }
  Result<std::vector<std::string>> damaged(Result<std::vector<std::string>> answer) const override {
    std::mt19937 random(seed_ + ++count_);
    if (answer && random() % 4 == 0) answer->push_back("cpu4294967295");
    if (answer && random() % 4 == 0) answer->push_back("card99999999999999999999");
    if (answer && !answer->empty() && random() % 4 == 0) answer->pop_back();
    return answer;
  }

 private:
  const unsigned seed_;
  mutable std::atomic<unsigned> count_ = 0;
};

// All that is told can be shown: valid UTF-8 without control characters.
void check_shown(const Facts& facts) {
  const auto walk = [](const auto& self, const nlohmann::json& json) -> void {
    if (json.is_string()) {
      const auto& text = json.get_ref<const std::string&>();
      EXPECT_TRUE(is_text(text)) << json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
      EXPECT_LE(text.size(), 8192u);
    }
    for (const auto& each : json)
      if (json.is_structured()) self(self, each);
  };
  walk(walk, to_json(facts));
}

class Malformed : public testing::Test {
 protected:
  void expect_survival(const std::function<Result<std::string>()>& answer) {
    for (const auto& file : test::host_files()) {
      const auto inner = test::described(test::contents_of(file));
      check_shown(gather_facts(Always(*inner, answer)));
    }
  }
};

TEST_F(Malformed, Empty) {
  expect_survival([] { return std::string(); });
}

TEST_F(Malformed, AFewBytes) {
  for (const char* text : {"\n", ":", "=", "\t", "{", "[", "-", ",", "0x", "\xff", "0-", "(null)", "/"})
    expect_survival([text] { return std::string(text); });
}

TEST_F(Malformed, RandomBytes) {
  std::string bytes(10'000, 0);
  std::mt19937 random(1);
  for (char& byte : bytes) byte = static_cast<char>(random());
  expect_survival([&] { return bytes; });
}

TEST_F(Malformed, FarTooMuch) {
  const auto inner = test::described(test::contents_of(test::host_files().front()));
  for (const char* line : {"a", "1,", "0-9,", "1\n", "a=b ", "[", "a:b\n"}) {
    std::string text;
    while (text.size() < (std::size_t{1} << 18)) text += line;
    check_shown(gather_facts(Always(*inner, [&] { return text; })));
  }
}

TEST_F(Malformed, DeepJson) {
  expect_survival([] { return std::string(100'000, '['); });
}

TEST_F(Malformed, PermissionDenied) {
  expect_survival([] { return fail_errno("It cannot be read", EACCES); });
  const auto inner =
      test::described(test::contents_of(std::filesystem::path(HESPER_HOSTS) / "debian-13-lavapipe.host"));
  const Facts facts =
      gather_facts(Always(*inner, []() -> Result<std::string> { return fail_errno("It cannot be read", EACCES); }));
  EXPECT_THAT(facts.memory.total.why, testing::HasSubstr("Permission denied"));
  EXPECT_THAT(facts.processor.model.why, testing::HasSubstr("Permission denied"));
}

TEST_F(Malformed, DamagedAtRandom) {
  for (const auto& file : test::host_files()) {
    const auto inner = test::described(test::contents_of(file));
    for (unsigned seed = 0; seed < 20; ++seed) check_shown(gather_facts(AtRandom(*inner, seed * 100'000)));
  }
}

TEST_F(Malformed, DescriptionsDamagedAtRandom) {
  const std::string text = test::contents_of(std::filesystem::path(HESPER_HOSTS) / "debian-13-lavapipe.host");
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::string changed = text;
    for (int i = 0; i < 20; ++i) changed[random() % changed.size()] = static_cast<char>(random());
    if (const auto host = described_system(changed)) check_shown(gather_facts(**host));
  }
}

}  // namespace
}  // namespace hesper::host
