// seccompgen: registry/seccomp/*.txt to the C++ of src/sandbox's syscall lists. Runs at build time.
#include <cstdio>
#include <filesystem>
#include <format>
#include <fstream>
#include <iterator>
#include <string>

#include "lists.h"

namespace {

int complain(const std::string& sentence) {
  std::fputs(("seccompgen: " + sentence + "\n").c_str(), stderr);
  return 1;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int argc, char** argv) {
  using namespace seccompgen;
  if (argc != 5)
    return complain(
        "The arguments are: folder of the lists, macros of <sys/syscall.h>, check-names or no-names, output.");
  const Numbers numbers = parse_numbers(read(argv[2]));
  const bool check = std::string(argv[3]) == "check-names";
  if (check && numbers.empty()) return complain(std::format("{} defines no system call.", argv[2]));
  std::map<std::string, List> lists;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    if (entry.path().extension() != ".txt") continue;
    auto list = parse_list(read(entry.path()), check ? numbers : Numbers());
    if (!list) return complain(std::format("{}, {}", entry.path().string(), list.error()));
    lists.emplace(entry.path().stem().string(), std::move(*list));
  }
  std::ofstream(argv[4]) << emit(lists, numbers);
  return 0;
}
