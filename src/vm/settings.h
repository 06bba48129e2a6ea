// Settings: everything that can be said about a Machine, in one table: the options of `hesper run` and the keys of its
// files are both made from it.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "base/error.h"
#include "vm/machine.h"

namespace hesper::vm {

struct Setting {
  std::string_view name;         // the option without "--", and the key
  std::string_view type_name;    // of its value, for people; empty: a switch, whose value is "true" or "false"
  std::string_view description;  // a sentence without full stop
  // Reads one value. base: what relative paths are relative to; empty: the current folder.
  Result<void> (*set)(Machine& machine, std::string_view value, const std::filesystem::path& base);
  // Not null: there may be several, one after the other; this forgets those there are.
  void (*clear)(Machine& machine) = nullptr;
};

[[nodiscard]] std::span<const Setting> settings() noexcept;

}  // namespace hesper::vm
