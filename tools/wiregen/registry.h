// Registry: vk.xml, and registry/venus.xml which has the same format, as plain data. Knows XML and nothing of the wire.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace wiregen {

// A struct member or a command parameter.
struct Field {
  std::string name;
  std::string type;  // without const, pointers and dimensions
  bool is_const = false;
  int pointers = 0;
  std::string dimension;  // [dimension], empty if not an array; two dimensions stand as "3][4"
  bool bit_field = false;

  std::string length;        // C expression over sibling names; empty: one element
  std::string inner_length;  // of each element of an array of pointers
  bool optional = false;     // the pointer may be NULL, or the handle VK_NULL_HANDLE
  bool elements_optional = false;
  bool no_auto_validity = false;

  std::string stype;      // of a member sType
  std::string selector;   // of a union: the sibling that says which member is active
  std::string selection;  // of a union's member: the selector's value for it
  std::string stride;     // of an array parameter: the sibling with the distance of its elements

  // A string; fixed char arrays (deviceName) also say null-terminated, but travel whole.
  [[nodiscard]] bool null_terminated() const { return pointers == 1 && length == "null-terminated"; }
};

struct Struct {
  std::string name;
  bool is_union = false;
  bool venus = false;  // from venus.xml: no header declares it
  std::vector<Field> members;

  // The value of sType, or empty.
  [[nodiscard]] std::string stype() const;
};

struct Command {
  std::string name;
  std::string return_type;
  bool venus = false;
  std::vector<Field> params;
  std::vector<std::string> successes;  // of VkResult, those that it may return
  std::vector<std::string> errors;
  std::vector<std::string> aliases;  // in the order of vk.xml
};

struct Handle {
  std::string object_type;  // VK_OBJECT_TYPE_...
  bool dispatchable = false;
};

struct FormatPlane {
  std::string compatible;  // the format of the plane alone
  unsigned width_divisor = 1, height_divisor = 1;
};

struct Format {
  unsigned block_size = 0;                     // bytes
  unsigned block_width = 1, block_height = 1;  // texels
  std::vector<FormatPlane> planes;             // empty: not multi-planar
};

struct Extension {
  std::uint32_t number = 0;
  std::uint32_t spec_version = 0;
  std::vector<std::string> types;
  std::vector<std::string> commands;
};

// What a type name stands for, with aliases already followed.
enum class TypeClass : std::uint8_t { unknown, word, narrow, character, untyped, handle, structure, function };

struct Registry {
  std::map<std::string, Struct> structs;
  std::map<std::string, Command> commands;
  std::map<std::string, std::string> command_aliases;   // alias to name
  std::map<std::string, std::string> command_versions;  // of Vulkan, "1.0", for commands that are no extension's
  std::map<std::string, std::string> type_aliases;
  std::map<std::string, Handle> handles;
  std::map<std::string, Extension> extensions;
  std::map<std::string, Format> formats;
  std::map<std::string, std::int64_t> venus_enums;  // enumerators that no header declares
  std::set<std::string> words;                      // scalars that take 4 or 8 bytes: enums, flags, integers, floats
  std::set<std::string> functions;
  std::map<std::string, std::vector<std::string>> enumerators;  // of enums and flag bits; without aliases
  std::map<std::string, std::string> flag_bits;                 // flags to the enum that names their bits, or ""
  int major = 0, minor = 0, patch = 0;                          // VK_HEADER_VERSION_COMPLETE of vk.xml
  int venus_major = 0, venus_minor = 0, venus_patch = 0;        // the same of venus.xml

  [[nodiscard]] std::string resolve(const std::string& type) const;
  [[nodiscard]] TypeClass classify(const std::string& type) const;
  [[nodiscard]] const Struct* find_struct(const std::string& type) const;
  [[nodiscard]] const Handle* find_handle(const std::string& type) const;
};

// Adds one file to `registry`. venus: the file is venus.xml. The error is a sentence.
[[nodiscard]] std::expected<void, std::string> read_xml(const std::string& path, bool venus, Registry& registry);
// The same for a document in memory.
[[nodiscard]] std::expected<void, std::string> parse_xml(const std::string& text, bool venus, Registry& registry);

}  // namespace wiregen
