// Linux, by /proc.
#include "platform/system.h"

#include <sys/utsname.h>

#include <fstream>

namespace hesper::platform {

System running_system() noexcept { return System::linux; }

std::string boot_identity() {
  std::string boot;
  utsname system{};
  if (::uname(&system) != 0 || !std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot)) return {};
  return boot + ' ' + system.release;
}

}  // namespace hesper::platform
