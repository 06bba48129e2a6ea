// Scarcity: the handlers. They take no lock and no memory.
#include "base/scarcity.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <system_error>

namespace hesper {
namespace {

const char* program_name = "";
int exit_status = 1;
std::terminate_handler otherwise = nullptr;

void say(const char* text) noexcept {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
}

[[noreturn]] void end(const char* sentence) noexcept {
  say(program_name);
  say(": error: ");
  say(sentence);
  std::_Exit(exit_status);
}

[[noreturn]] void out_of_memory() { end("Memory is used up; this process ends.\n"); }

// An exception that nobody catches: ours throw none, the standard library and drivers may.
[[noreturn]] void uncaught() {
  try {
    if (const auto exception = std::current_exception()) std::rethrow_exception(exception);
  } catch (const std::bad_alloc&) {
    out_of_memory();
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::resource_unavailable_try_again || error.code() == std::errc::not_enough_memory) {
      end("The system lets it start no thread; this process ends.\n");
    }
  } catch (...) {  // NOLINT(bugprone-empty-catch): a bug, which `otherwise` reports
  }
  otherwise();
  std::abort();
}

}  // namespace

void end_on_scarcity(const char* program, int status) {
  program_name = program;
  exit_status = status;
  std::set_new_handler(out_of_memory);
  otherwise = std::set_terminate(uncaught);
}

}  // namespace hesper
