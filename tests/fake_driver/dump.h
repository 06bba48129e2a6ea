// Dump: what a command or struct holds, deep, as text with a line for each value; and its handles. Two dumps are equal
// exactly if the contents are.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "reflection.h"

namespace hesper::fake {

enum class View : std::uint8_t {
  as_is,
  as_sent,  // what the receiver is to find: without what the protocol omits, and with ids translated
};

struct DumpOptions {
  View view = View::as_is;
  std::function<std::uint64_t(std::uint64_t)> translate{};              // view as_sent: id to handle
  std::set<VkStructureType> without{};                                  // structs that are not shown in chains
  std::function<void(VkObjectType, std::uint64_t handle)> on_handle{};  // for each that is not VK_NULL_HANDLE
  bool text = true;                                                     // false: only on_handle is wanted
};

// Inputs, and of outputs what a request carries. Of objects to be created only the number.
[[nodiscard]] std::string dump_request(const Command& command, const void* params, const DumpOptions& options = {});
// Return value and outputs in full. created: also the handles of created objects.
[[nodiscard]] std::string dump_reply(const Command& command, const void* params, bool created);
// partial: an output struct in a request.
[[nodiscard]] std::string dump(const Type& type, const void* value, bool partial, const DumpOptions& options = {});

// "" if both are equal; otherwise the first line that differs, with what is around it.
[[nodiscard]] std::string difference(const std::string& expected, const std::string& actual);

}  // namespace hesper::fake
