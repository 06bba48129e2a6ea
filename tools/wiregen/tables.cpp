// Tables: reading tab-separated files and commands.toml.
#include "tables.h"

#include <charconv>
#include <fstream>
#include <string_view>
#include <toml++/toml.hpp>

namespace wiregen {
namespace {

using Row = std::vector<std::string>;
using Error = std::unexpected<std::string>;

std::expected<std::vector<Row>, std::string> read_tsv(const std::string& path, std::size_t columns) {
  std::ifstream file(path);
  if (!file) return Error("The file " + path + " cannot be read.");
  std::vector<Row> rows;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line.starts_with('#')) continue;
    Row row;
    std::size_t from = 0;
    for (std::size_t tab = line.find('\t'); tab != std::string::npos; tab = line.find('\t', from)) {
      row.push_back(line.substr(from, tab - from));
      from = tab + 1;
    }
    row.push_back(line.substr(from));
    if (row.size() != columns) {
      return Error(path + ":" + std::to_string(number) + ": The line has " + std::to_string(row.size()) +
                   " columns instead of " + std::to_string(columns) + ".");
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

bool to_number(std::string_view text, std::uint32_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

std::vector<std::string> strings(const toml::node_view<toml::node> node) {
  std::vector<std::string> result;
  if (const toml::array* array = node.as_array()) {
    for (const toml::node& item : *array) result.push_back(item.value_or(std::string()));
  }
  return result;
}

std::expected<void, std::string> read_handling(const std::string& path, Tables& tables) {
  toml::table root;
  try {
    root = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    return Error(path + ":" + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  }
  for (std::string& name : strings(root["by_hand"])) tables.by_hand.insert(std::move(name));
  tables.host_only = strings(root["host_only"]);
  if (toml::array* groups = root["refused"].as_array()) {
    for (toml::node& group : *groups) {
      toml::table* table = group.as_table();
      if (table == nullptr) return Error(path + ": `refused` is a list of tables.");
      const std::string reason = (*table)["reason"].value_or(std::string());
      if (reason.empty()) return Error(path + ": A `refused` table has no reason.");
      for (std::string& name : strings((*table)["commands"])) tables.refused.emplace(std::move(name), reason);
    }
  }
  for (const auto& [name, reason] : tables.refused) {
    if (tables.by_hand.contains(name)) return Error(path + ": " + name + " is both by_hand and refused.");
  }
  return {};
}

}  // namespace

std::expected<Tables, std::string> read_tables(const std::string& folder) {
  Tables tables;
  const auto commands = read_tsv(folder + "/commands.tsv", 2);
  if (!commands) return Error(commands.error());
  for (const Row& row : *commands) {
    std::uint32_t number = 0;
    if (!to_number(row[1], number)) return Error("commands.tsv: " + row[0] + " has no number.");
    tables.commands[number].push_back(row[0]);
  }
  const auto extensions = read_tsv(folder + "/extensions.tsv", 3);
  if (!extensions) return Error(extensions.error());
  for (const Row& row : *extensions) {
    ProtocolExtension extension{.name = row[0]};
    if (!to_number(row[1], extension.number) || !to_number(row[2], extension.spec_version)) {
      return Error("extensions.tsv: " + row[0] + " has no number or no version.");
    }
    tables.extensions.push_back(std::move(extension));
  }
  const auto chains = read_tsv(folder + "/pnext.tsv", 2);
  if (!chains) return Error(chains.error());
  for (const Row& row : *chains) tables.chains[row[0]].push_back(row[1]);
  if (auto handling = read_handling(folder + "/commands.toml", tables); !handling) return Error(handling.error());
  return tables;
}

}  // namespace wiregen
