// Reflection: looking things up in the generated tables.
#include "reflection.h"

#include <unordered_map>

namespace hesper::fake {

const Command* find_command(std::string_view name) noexcept {
  static const auto index = [] {
    std::unordered_map<std::string_view, const Command*> map;
    for (const Command* command : all_commands()) map.emplace(command->name, command);
    return map;
  }();
  const auto it = index.find(name);
  return it == index.end() ? nullptr : it->second;
}

const Type* find_type(VkStructureType stype) noexcept {
  static const auto index = [] {
    std::unordered_map<std::uint32_t, const Type*> map;
    for (const Type* type : all_types()) {
      if (type->has_stype()) map.emplace(static_cast<std::uint32_t>(type->stype), type);
    }
    return map;
  }();
  const auto it = index.find(static_cast<std::uint32_t>(stype));
  return it == index.end() ? nullptr : it->second;
}

const Field* selected_member(const void* owner, const Field& field) noexcept {
  const auto selector = load<std::uint32_t>(static_cast<const std::byte*>(owner) + field.selector_offset);
  for (const Field& member : field.type->fields) {
    if (member.selection == selector) return &member;
  }
  return nullptr;
}

}  // namespace hesper::fake
