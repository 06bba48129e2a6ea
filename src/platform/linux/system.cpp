// Linux, by /proc.
#include "platform/system.h"

#include <sys/utsname.h>

#include <filesystem>
#include <fstream>
#include <system_error>

namespace hesper::platform {

System running_system() noexcept { return System::linux; }

std::string boot_identity() {
  std::string boot;
  utsname system{};
  if (::uname(&system) != 0 || !std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot)) return {};
  return boot + ' ' + system.release;
}

// Render nodes of DRM, NVIDIA's own driver, and Windows' GPU in its subsystem for Linux.
bool may_have_gpu() {
  std::error_code error;
  for (const char* path : {"/dev/dri", "/dev/nvidiactl", "/dev/dxg"})
    if (std::filesystem::exists(path, error)) return true;
  return false;
}

}  // namespace hesper::platform
