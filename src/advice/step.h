// Step: one thing that somebody does to a host, exactly as he types it, and how he takes it back. Advice consists of
// steps; nothing in this folder carries one out, but apply.h, when it was asked for.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hesper::advice {

// A file of ours, whole: made or replaced. Files of others are changed by commands.
struct WrittenFile {
  std::filesystem::path path;
  std::string contents;
  unsigned mode = 0644;
};

enum class Takes : unsigned char { effect_at_once, new_login, reboot };

struct Step {
  std::string title;                  // "Load vfio-pci before the GPU's own driver"
  std::string reason;                 // one sentence; may be empty
  std::vector<WrittenFile> files;     // first these,
  std::vector<std::string> commands;  // then these: lines for a POSIX shell, with sudo where it is needed
  std::vector<std::string> undo;      // likewise, files removed included; empty: nothing to undo
  Takes takes = Takes::effect_at_once;
  std::string if_it_fails;  // what one sees and does then; may be empty
};

// As text for people; and as a POSIX shell script that stops at the first failure, asks nothing, and has its undo as
// comments at its end.
[[nodiscard]] std::string text_of(const Step& step);
[[nodiscard]] std::string script_of(const std::vector<Step>& steps, const std::string& title);

}  // namespace hesper::advice
