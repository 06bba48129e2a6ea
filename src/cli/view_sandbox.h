// The sandbox of hesper-view: how strict it can be with what it is to show and how, and entering it. What each level
// means stands in docs/sandbox.md.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cli/view_options.h"
#include "sandbox/sandbox.h"

namespace hesper::cli {

struct ViewSandbox {
  sandbox::Level level = sandbox::Level::strict;
  sandbox::Process process = sandbox::Process::view;
  std::string reason;                 // why it is not strict, if nobody has said so: the rest of a sentence
  std::vector<std::string> encoders;  // for browsers, those to prefer first
};

// Tries the encoders of hardware if browsers may get them, which takes some tenths of a second: by starting hesper-view
// --try-encoder, in the sandbox that they will run in. program: its path.
// Errors: what is to be shown cannot be shown at the level that was asked for.
[[nodiscard]] Result<ViewSandbox> choose_view_sandbox(const ViewOptions& options, const std::string& program);

// Confines this process, and logs what became of it. No other thread may run. Errors: the level is not reached, and
// options.require_sandbox.
[[nodiscard]] Result<void> enter_view_sandbox(const ViewSandbox& wanted, bool required);

}  // namespace hesper::cli
