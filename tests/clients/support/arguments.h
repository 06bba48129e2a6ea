// Arguments: the "--name value" and "--flag" options of the test programs. Knows no Vulkan.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hesper::clients {

class Arguments {
 public:
  Arguments(int argc, char** argv);

  // Each takes the option off the list. A malformed number or a missing value throws a sentence for the user.
  [[nodiscard]] bool flag(std::string_view name);
  [[nodiscard]] std::uint32_t number(std::string_view name, std::uint32_t fallback);
  [[nodiscard]] std::string text(std::string_view name, std::string fallback);

  // Call after the last option: throws when something is left over, so that a typing error never goes unnoticed.
  void finish() const;

 private:
  std::vector<std::string> left_;
};

// Runs `program` with the options; prints what it throws as one line on stderr. Returns main's exit status.
[[nodiscard]] int run(int argc, char** argv, void (*program)(Arguments&));

}  // namespace hesper::clients
