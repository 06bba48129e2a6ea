// hesper view: an exec.
#include "cli/view.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/log.h"
#include "platform/process.h"

namespace hesper::cli {

int become_view(const char* argv0, const std::filesystem::path& socket, const std::vector<std::string>& arguments) {
  const auto folder = platform::own_directory(argv0);
  if (!folder) {
    log::error("{}", folder.error().message);
    return 1;
  }
  std::vector<std::string> words = {(*folder / "hesper-view").native(), "--socket=" + socket.native()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execv(pointers[0], pointers.data());
  log::error("{} Both programs belong into one folder: build or install Hesper again.",
             fail_errno(fmt::format("Starting '{}' fails", words[0]), errno).error().message);
  return 1;
}

}  // namespace hesper::cli
