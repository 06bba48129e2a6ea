// Text: writing files.
#include "text.h"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace wiregen {

std::expected<void, std::string> write_file(const std::string& path, const std::string& content) {
  if (std::ifstream file(path); file) {
    std::ostringstream present;
    present << file.rdbuf();
    if (present.str() == content) return {};
  }
  std::error_code ignored;  // the write below fails with the better sentence
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  std::ofstream file(path, std::ios::trunc);
  file << content;
  file.close();
  if (!file) return std::unexpected("The file " + path + " cannot be written.");
  return {};
}

}  // namespace wiregen
