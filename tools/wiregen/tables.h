// Tables: the small files of registry/ beside the XML: numbers, extensions, pNext pairs, and who handles what.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace wiregen {

struct ProtocolExtension {
  std::string name;
  std::uint32_t number = 0;
  std::uint32_t spec_version = 0;
};

struct Tables {
  std::map<std::uint32_t, std::vector<std::string>> commands;  // commands.tsv: number to names
  std::vector<ProtocolExtension> extensions;                   // extensions.tsv
  std::map<std::string, std::vector<std::string>> chains;      // pnext.tsv: struct to what may be chained to it
  std::set<std::string> by_hand;                               // commands.toml
  std::map<std::string, std::string> refused;                  // commands.toml: command to reason
  std::vector<std::string> host_only;                          // commands.toml
};

// The error is a sentence with file and line.
[[nodiscard]] std::expected<Tables, std::string> read_tables(const std::string& folder);

}  // namespace wiregen
