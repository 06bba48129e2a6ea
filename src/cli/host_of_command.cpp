// This host, or a described one, with a recorder before it.
#include "cli/host_of_command.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

#include "platform/process.h"

namespace hesper::cli {

HostOfCommand::HostOfCommand(std::unique_ptr<host::System> system)
    : system_(std::move(system)), recorder_(host::Recorder::create(*system_)) {}

Result<HostOfCommand> HostOfCommand::open(const char* argv0, const std::filesystem::path& description) {
  if (description.empty()) {
    auto folder = platform::own_directory(argv0);
    if (!folder) return std::unexpected(std::move(folder.error()));
    return HostOfCommand(host::real_system("/", std::move(*folder)));
  }
  std::ifstream file(description, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) return fail_errno(fmt::format("'{}' cannot be read", description.native()), errno);
  auto described = host::described_system(text);
  if (!described)
    return fail(fmt::format("'{}': {}", description.native(), described.error().message), described.error().code);
  return HostOfCommand(std::move(*described));
}

}  // namespace hesper::cli
