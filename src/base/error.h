// Error and Result: what the host refused, as a sentence for people and a number for programs.
// Errors of a client's byte stream are wire::DecodeError instead.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace hesper {

// `message` is a whole sentence in the present tense that says what to do where that is known.
// `code` is an errno or a VkResult (both may be 0 when neither applies).
struct Error {
  std::string message;
  int code = 0;
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(std::string message, int code = 0) {
  return std::unexpected(Error{.message = std::move(message), .code = code});
}

// fail() with ": <text of errno>" appended.
[[nodiscard]] std::unexpected<Error> fail_errno(std::string message, int errno_value);

}  // namespace hesper
