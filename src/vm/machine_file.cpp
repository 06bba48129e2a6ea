// TOML by toml++, one value after the other through the table of settings.
#include "vm/machine_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <toml++/toml.hpp>
#include <utility>

#include "vm/settings.h"

namespace hesper::vm {
namespace {

// A value as it would stand on a command line.
Result<std::string> word(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return std::string(flag->get() ? "true" : "false");
  return fail("A value here is a text, a whole number, true or false.", EINVAL);
}

class Reader {
 public:
  Reader(const std::filesystem::path& name, std::span<const OptionTable> tables, Machine& machine)
      : name_(name), tables_(tables), machine_(machine) {}

  Result<void> read(const toml::table& table) {
    for (const auto& [key, node] : table) {
      const auto options = std::ranges::find(tables_, key.str(), &OptionTable::table);
      const auto read = options != tables_.end() && node.is_table() ? read_options(*options, *node.as_table())
                                                                    : read_setting(key, node);
      if (!read) return read;
    }
    return {};
  }

 private:
  std::unexpected<Error> wrong(const toml::source_region& where, std::string_view what) const {
    return fail(fmt::format("{}, line {}: {}", name_.native(), where.begin.line, what), EINVAL);
  }

  // Calls for the value, or for each of an array's.
  template <class Function>
  Result<void> for_each(const toml::node& node, Function function) {
    const auto one = [&](const toml::node& value) -> Result<void> {
      const auto text = word(value);
      if (!text) return wrong(value.source(), text.error().message);
      const auto done = function(*text);
      return done ? done : wrong(value.source(), done.error().message);
    };
    const auto* array = node.as_array();
    if (array == nullptr) return one(node);
    for (const toml::node& value : *array)
      if (auto done = one(value); !done) return done;
    return {};
  }

  Result<void> read_setting(const toml::key& key, const toml::node& node) {
    const auto setting = std::ranges::find(settings(), key.str(), &Setting::name);
    if (setting == settings().end()) return wrong(key.source(), fmt::format("The key '{}' is unknown.", key.str()));
    if (node.is_array() && setting->clear == nullptr)
      return wrong(node.source(), fmt::format("There is only one '{}'.", key.str()));
    return for_each(node, [&](const std::string& text) { return setting->set(machine_, text, name_.parent_path()); });
  }

  Result<void> read_options(const OptionTable& known, const toml::table& table) {
    for (const auto& [key, node] : table) {
      const std::string option = "--" + std::string(key.str());
      if (!std::ranges::contains(known.options, option))
        return wrong(key.source(), fmt::format("{} has no option '{}'.", known.command, option));
      const auto read = for_each(node, [&](const std::string& text) -> Result<void> {
        (machine_.*known.arguments).push_back(text == "true" ? option : fmt::format("{}={}", option, text));
        return {};
      });
      if (!read) return read;
    }
    return {};
  }

  const std::filesystem::path& name_;
  std::span<const OptionTable> tables_;
  Machine& machine_;
};

}  // namespace

Result<void> read_machine(std::string_view text, const std::filesystem::path& name, std::span<const OptionTable> tables,
                          Machine& machine) {
  try {
    return Reader(name, tables, machine).read(toml::parse(text, name.native()));
  } catch (const toml::parse_error& error) {
    return fail(
        fmt::format("{}, line {}: {}.", name.native(), error.source().begin.line, std::string(error.description())),
        EINVAL);
  }
}

Result<void> read_machine_file(const std::filesystem::path& file, std::span<const OptionTable> tables,
                               Machine& machine) {
  constexpr std::size_t kLimit = std::size_t{1} << 20;
  std::ifstream stream(file, std::ios::binary);
  std::string text(kLimit + 1, '\0');
  errno = 0;
  if (!stream || !stream.read(text.data(), static_cast<std::streamsize>(text.size())).eof()) {
    if (stream.gcount() > 0 && !stream.bad())
      return fail(fmt::format("'{}' is larger than a mebibyte: no description of a virtual machine.", file.native()),
                  EFBIG);
    return fail_errno(fmt::format("'{}' cannot be read", file.native()), errno != 0 ? errno : EIO);
  }
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return read_machine(text, file, tables, machine);
}

}  // namespace hesper::vm
