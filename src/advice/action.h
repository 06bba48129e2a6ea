// Action: one thing that Hesper itself does to a host when it is asked to, each with its exact reversal. apply.h
// carries actions out; as a Step a person does the same by hand.
#pragma once

#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "advice/step.h"

namespace hesper::advice {

// Undone by the file's earlier contents, or its removal.
struct WriteFile {
  WrittenFile file;
};

// Either may be empty: nothing is run then. Without a shell; as root.
struct RunCommand {
  std::vector<std::string> command;
  std::vector<std::string> undo;
};

// Writes to a file of the kernel's, one that is not stored anywhere; an empty file name: nothing is written.
struct TellKernel {
  std::filesystem::path file;
  std::string text;
  std::filesystem::path undo_file;
  std::string undo_text;
};

// Undone the last first.
using Action = std::variant<WriteFile, RunCommand, TellKernel>;

// Adds files, commands and undo to a step: what a person types to do the same.
void add_actions(Step& step, const std::vector<Action>& actions);

}  // namespace hesper::advice
