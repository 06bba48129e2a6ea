// Pipe: a close-on-exec pipe. Whoever passes an end to a child does so with spawn().
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"

namespace hesper::platform {

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

// Both ends are close-on-exec and never block.
[[nodiscard]] Result<Pipe> create_pipe();

}  // namespace hesper::platform
