// Standard output's end: thrown by fmt::print, or found at the last flush.
#include "cli/standard_output.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "base/log.h"

namespace hesper::cli {
namespace {

int status_of(int error) {
  if (error == EPIPE) return 128 + SIGPIPE;
  log::error("Standard output cannot be written to: {}.", std::strerror(error));
  return 1;
}

}  // namespace

int with_standard_output(const std::function<int()>& command) {
  int status = 0;
  try {
    status = command();
  } catch (const std::system_error& error) {
    if (std::ferror(stdout) == 0) throw;
    return status_of(error.code().value());
  }
  return std::fflush(stdout) == 0 ? status : status_of(errno);
}

void flush_standard_output() {
  if (std::fflush(stdout) != 0) throw std::system_error(errno, std::generic_category());
}

}  // namespace hesper::cli
