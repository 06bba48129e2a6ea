// PrivateDirectory, by mkdtemp, whose folders have mode 0700.
#include "cli/private_directory.h"

#include <stdlib.h>

#include <cerrno>
#include <string>

#include "cli/environment.h"

namespace hesper::cli {

Result<PrivateDirectory> PrivateDirectory::create(const Environment& environment) {
  constexpr std::size_t kLongestRoot = 64;  // leaves room for "/hesper-XXXXXX/vtest" in macOS's 104 bytes
  int error = 0;
  for (const std::string& root : {environment.get("XDG_RUNTIME_DIR").value_or(""), std::string("/tmp")}) {
    if (!root.starts_with('/') || root.size() > kLongestRoot) continue;
    std::string pattern = root + "/hesper-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) return PrivateDirectory(std::move(pattern));
    error = errno;
  }
  return fail_errno("Creating a private folder for the socket fails in XDG_RUNTIME_DIR and in /tmp", error);
}

PrivateDirectory::~PrivateDirectory() {
  if (path_.empty() || keep_) return;
  std::error_code ignored;  // nothing more can be done about it
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace hesper::cli
