// fail_errno: the one place that spells out an errno.
#include "base/error.h"

#include <system_error>

namespace hesper {

std::unexpected<Error> fail_errno(std::string message, int errno_value) {
  message += ": ";
  message += std::generic_category().message(errno_value);
  message += '.';
  return fail(std::move(message), errno_value);
}

}  // namespace hesper
