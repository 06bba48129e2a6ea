// Systems without /proc: macOS tells what is asked for here by sysctl, of others nothing is known.
#include "platform/system.h"

#include <sys/utsname.h>

#include <string_view>

#if defined(__APPLE__)
#include <sys/sysctl.h>

#include <array>
#endif

namespace hesper::platform {
namespace {

bool is_macos(const utsname& system) { return std::string_view(system.sysname) == "Darwin"; }

}  // namespace

System running_system() noexcept {
  utsname system{};
  return ::uname(&system) == 0 && is_macos(system) ? System::macos : System::other;
}

std::string boot_identity() {
#if defined(__APPLE__)
  std::array<char, 64> boot{};
  std::size_t size = boot.size() - 1;
  utsname system{};
  if (::sysctlbyname("kern.bootsessionuuid", boot.data(), &size, nullptr, 0) != 0 || ::uname(&system) != 0) return {};
  return std::string(boot.data()) + ' ' + system.release;
#else
  return {};
#endif
}

bool may_have_gpu() { return true; }

}  // namespace hesper::platform
