// Distributions by what /etc/os-release calls them.
#include "advice/distribution.h"

#include <string_view>

namespace hesper::advice {
namespace {

std::optional<Family> family_of_id(std::string_view id) {
  if (id == "debian") return Family::debian;
  if (id == "ubuntu") return Family::ubuntu;
  if (id == "fedora") return Family::fedora;
  if (id == "rhel" || id == "centos") return Family::red_hat;
  if (id == "arch") return Family::arch;
  if (id == "suse" || id == "opensuse" || id.starts_with("opensuse-") || id == "sles") return Family::suse;
  if (id == "alpine") return Family::alpine;
  if (id == "macos") return Family::homebrew;
  if (id == "nixos") return Family::nix;
  return std::nullopt;
}

}  // namespace

std::optional<Family> family_of(const host::OperatingSystem& system) {
  if (system.kind == platform::System::macos) return Family::homebrew;
  if (const auto own = family_of_id(system.distribution.value_or(""))) return own;
  for (const std::string& like : system.like)
    if (const auto family = family_of_id(like)) return family;
  return std::nullopt;
}

}  // namespace hesper::advice
