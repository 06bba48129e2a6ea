// print_command: one command of a stream as a line of text, with parameters by name, for people. Trusts nothing.
#pragma once

#include <string>

#include "wire/decoder.h"

namespace hesper::wire {

struct PrintedCommand {
  std::uint32_t type = 0;
  bool wants_reply = false;
  std::string text;  // "vkCreateBuffer(device=#4, pCreateInfo={size=64, ...}, pBuffer=#9) -> reply"
};

// Reads one command. `in` has no object table. After an error (in.ok() is false) the text ends where the error is.
// Long arrays and strings are cut; object ids read "#7", what the host will fill in reads "out".
[[nodiscard]] PrintedCommand print_command(Decoder& in);

}  // namespace hesper::wire
