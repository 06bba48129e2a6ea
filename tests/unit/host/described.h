// Hosts for tests: from a text, and those of tests/hosts.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host/description.h"
#include "host/system.h"

namespace hesper::test {

inline std::unique_ptr<host::System> described(std::string_view text) {
  auto system = host::described_system(text);
  if (system) return *std::move(system);
  ADD_FAILURE() << system.error().message;
  return *host::described_system("");
}

inline std::string contents_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// Of tests/hosts, sorted.
inline std::vector<std::filesystem::path> host_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(HESPER_HOSTS))
    if (entry.path().extension() == ".host") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

}  // namespace hesper::test
