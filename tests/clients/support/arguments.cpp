// Arguments, and the frame around every test program's main.
#include "support/arguments.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <exception>
#include <format>
#include <stdexcept>
#include <utility>

namespace hesper::clients {

Arguments::Arguments(int argc, char** argv) : left_(argv + 1, argv + argc) {}

bool Arguments::flag(std::string_view name) { return std::erase(left_, "--" + std::string(name)) != 0; }

std::uint32_t Arguments::number(std::string_view name, std::uint32_t fallback) {
  const std::string word = text(name, std::to_string(fallback));
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) {
    throw std::runtime_error(std::format("The value of --{} ({}) is not a number.", name, word));
  }
  return value;
}

std::string Arguments::text(std::string_view name, std::string fallback) {
  const auto option = std::ranges::find(left_, "--" + std::string(name));
  if (option == left_.end()) return fallback;
  if (option + 1 == left_.end()) throw std::runtime_error(std::format("--{} needs a value.", name));
  std::string value = std::move(option[1]);
  left_.erase(option, option + 2);
  return value;
}

void Arguments::finish() const {
  if (!left_.empty()) throw std::runtime_error(std::format("This program has no option {}.", left_.front()));
}

int run(int argc, char** argv, void (*program)(Arguments&)) {
  try {
    Arguments arguments(argc, argv);
    program(arguments);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}

}  // namespace hesper::clients
