// Making facts out of answers: known, unknown with its reason, and the few kinds of files that hold one value.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "host/facts.h"
#include "host/system.h"

namespace hesper::host {

template <class T>
[[nodiscard]] Fact<T> known(T value, std::string source) {
  return {.value = std::move(value), .source = std::move(source), .why = {}};
}

template <class T>
[[nodiscard]] Fact<T> unknown(std::string why, std::string source) {
  return {.value = std::nullopt, .source = std::move(source), .why = std::move(why)};
}

// As one types it, for sources and sentences.
[[nodiscard]] std::string line_of(const std::vector<std::string>& command);

// A file of one line, shown().
[[nodiscard]] Fact<std::string> line_in(const System& system, const std::filesystem::path& file);
// A file of one number.
[[nodiscard]] Fact<std::uint64_t> count_in(const System& system, const std::filesystem::path& file);
// Whether something is there. Unknown if it cannot be looked at.
[[nodiscard]] Fact<bool> exists(const System& system, const std::filesystem::path& file);
// Whether this user may open it for reading and writing; false with a reason. What is not there may not be opened.
[[nodiscard]] Fact<bool> opens(const System& system, const std::filesystem::path& file);
// Whether a program is there.
[[nodiscard]] Fact<bool> has_program(const System& system, std::string_view name);

// Whether something is there, whatever it is.
[[nodiscard]] bool is_there(const System& system, const std::filesystem::path& file);
// A file of one line; empty if it cannot be read.
[[nodiscard]] std::string line_or_nothing(const System& system, const std::filesystem::path& file);

// A command that ended with status 0: what it printed. Errors: a sentence, for other ends, too.
[[nodiscard]] Result<std::string> output_of(const System& system, const std::vector<std::string>& command,
                                            std::chrono::milliseconds patience = std::chrono::milliseconds(5000));

}  // namespace hesper::host
