// Registry: reading the XML with pugixml.
#include "registry.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <pugixml.hpp>
#include <sstream>
#include <string_view>

namespace wiregen {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  while (from <= text.size()) {
    const std::size_t to = std::min(text.find(separator, from), text.size());
    if (to > from) parts.emplace_back(text.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

// vk.xml describes Vulkan SC in the same file: elements with an `api` attribute may not be for us.
bool for_vulkan(pugi::xml_node node, const char* attribute = "api") {
  const pugi::xml_attribute api = node.attribute(attribute);
  return !api || std::ranges::contains(split(api.value(), ','), "vulkan");
}

std::string name_of(pugi::xml_node node) {
  const std::string name = node.attribute("name").value();
  return name.empty() ? node.child("name").text().get() : name;
}

// All text below a node but its comments.
std::string text_of(pugi::xml_node node) {
  std::string text;
  for (const pugi::xml_node child : node.children()) {
    if (std::string_view(child.name()) == "comment") continue;
    text += child.type() == pugi::node_element ? text_of(child) : child.value();
  }
  return text;
}

Field read_field(pugi::xml_node node) {
  Field field;
  field.name = node.child("name").text().get();
  field.type = node.child("type").text().get();
  const std::string text = text_of(node);
  field.is_const = text.starts_with("const ");
  field.pointers = static_cast<int>(std::ranges::count(text, '*'));
  field.bit_field = text.contains(':');
  if (const std::size_t open = text.find('['); open != std::string::npos) {
    field.dimension = text.substr(open + 1, text.rfind(']') - open - 1);
  }

  // altlen is the C spelling where len is LaTeX.
  const pugi::xml_attribute length = node.attribute("altlen") ? node.attribute("altlen") : node.attribute("len");
  const std::vector<std::string> lengths = split(length.value(), ',');
  if (!lengths.empty()) field.length = lengths[0];
  if (lengths.size() > 1) field.inner_length = lengths[1];
  const std::vector<std::string> optional = split(node.attribute("optional").value(), ',');
  field.optional = !optional.empty() && optional[0] == "true";
  field.elements_optional = optional.size() > 1 && optional[1] == "true";
  field.no_auto_validity = node.attribute("noautovalidity").as_bool();
  if (field.name == "sType") field.stype = node.attribute("values").value();
  field.selector = node.attribute("selector").value();
  field.selection = node.attribute("selection").value();
  field.stride = node.attribute("stride").value();
  return field;
}

void read_type(pugi::xml_node node, bool venus, Registry& registry) {
  const std::string name = name_of(node);
  const std::string_view category = node.attribute("category").value();
  if (const pugi::xml_attribute alias = node.attribute("alias")) {
    registry.type_aliases.emplace(name, alias.value());
  } else if (category == "struct" || category == "union") {
    Struct result{.name = name, .is_union = category == "union", .venus = venus, .members = {}};
    for (const pugi::xml_node member : node.children("member")) {
      if (for_vulkan(member)) result.members.push_back(read_field(member));
    }
    registry.structs.insert_or_assign(name, std::move(result));
  } else if (category == "handle") {
    registry.handles.emplace(
        name, Handle{.object_type = node.attribute("objtypeenum").value(),
                     .dispatchable = node.child("type").text().get() == std::string_view("VK_DEFINE_HANDLE")});
  } else if (category == "enum" || category == "bitmask" ||
             (category == "basetype" && text_of(node).starts_with("typedef uint"))) {
    registry.words.insert(name);
    if (category == "bitmask") {
      const pugi::xml_attribute bits =
          node.attribute("requires") ? node.attribute("requires") : node.attribute("bitvalues");
      registry.flag_bits.emplace(name, bits.value());
    }
  } else if (category == "funcpointer") {
    registry.functions.insert(name);
  } else if (category == "define" && name == "VK_HEADER_VERSION_COMPLETE") {
    // VK_MAKE_API_VERSION(0, 1, 4, VK_HEADER_VERSION); venus.xml spells the last number out.
    const std::string text = text_of(node);
    const std::vector<std::string> numbers = split(text.substr(text.rfind('(') + 1), ',');
    if (numbers.size() != 4) return;
    (venus ? registry.venus_major : registry.major) = std::atoi(numbers[1].c_str());
    (venus ? registry.venus_minor : registry.minor) = std::atoi(numbers[2].c_str());
    if (venus) registry.venus_patch = std::atoi(numbers[3].c_str());
  } else if (category == "define" && name == "VK_HEADER_VERSION" && !venus) {
    const std::string text = text_of(node);
    registry.patch = std::atoi(text.substr(text.rfind(' ') + 1).c_str());
  }
}

void read_command(pugi::xml_node node, bool venus, Registry& registry) {
  if (const pugi::xml_attribute alias = node.attribute("alias")) {
    registry.command_aliases.emplace(node.attribute("name").value(), alias.value());
    return;
  }
  const pugi::xml_node proto = node.child("proto");
  Command command{.name = proto.child("name").text().get(),
                  .return_type = proto.child("type").text().get(),
                  .venus = venus,
                  .params = {},
                  .successes = split(node.attribute("successcodes").value(), ','),
                  .errors = split(node.attribute("errorcodes").value(), ','),
                  .aliases = {}};
  for (const pugi::xml_node param : node.children("param")) {
    if (for_vulkan(param)) command.params.push_back(read_field(param));
  }
  registry.commands.insert_or_assign(command.name, std::move(command));
}

void add_enumerator(Registry& registry, const std::string& type, const std::string& name) {
  auto& all = registry.enumerators[type];
  if (!std::ranges::contains(all, name)) all.push_back(name);
}

void read_enums(pugi::xml_node node, Registry& registry) {
  for (const pugi::xml_node item : node.children("enum")) {
    if (for_vulkan(item) && !item.attribute("alias")) {
      add_enumerator(registry, node.attribute("name").value(), item.attribute("name").value());
    }
  }
}

// What a version or an extension adds to enums. Of extensions only those that the core header declares.
void read_added_enumerators(pugi::xml_node node, Registry& registry) {
  if (node.attribute("platform") || node.attribute("provisional").as_bool()) return;
  for (const pugi::xml_node require : node.children("require")) {
    if (!for_vulkan(require)) continue;
    for (const pugi::xml_node item : require.children("enum")) {
      if (!for_vulkan(item) || item.attribute("alias") || !item.attribute("extends")) continue;
      if (std::string_view(item.attribute("protect").value()) != "") continue;
      add_enumerator(registry, item.attribute("extends").value(), item.attribute("name").value());
    }
  }
}

void read_version(pugi::xml_node node, Registry& registry) {
  for (const pugi::xml_node require : node.children("require")) {
    if (!for_vulkan(require)) continue;
    for (const pugi::xml_node item : require.children("command")) {
      registry.command_versions.emplace(item.attribute("name").value(), node.attribute("number").value());
    }
  }
}

void read_extension(pugi::xml_node node, bool venus, Registry& registry) {
  Extension extension;
  extension.number = node.attribute("number").as_uint();
  for (const pugi::xml_node require : node.children("require")) {
    if (!for_vulkan(require)) continue;
    for (const pugi::xml_node item : require.children()) {
      const std::string kind = item.name();
      const std::string name = item.attribute("name").value();
      if (kind == "type") extension.types.push_back(name);
      if (kind == "command") extension.commands.push_back(name);
      if (kind != "enum") continue;
      // Older spellings of the name stand beside it as aliases, without a value.
      if (name.ends_with("_SPEC_VERSION") && item.attribute("value")) {
        extension.spec_version = item.attribute("value").as_uint();
      }
      if (venus && item.attribute("offset")) {
        // The rule of the Vulkan registry for values that extensions add to an enum.
        registry.venus_enums[name] =
            1000000000 + (std::int64_t{extension.number} - 1) * 1000 + item.attribute("offset").as_int();
      }
    }
  }
  registry.extensions.insert_or_assign(node.attribute("name").value(), std::move(extension));
}

void read_format(pugi::xml_node node, Registry& registry) {
  Format format{.block_size = node.attribute("blockSize").as_uint(), .planes = {}};
  if (const auto extent = split(node.attribute("blockExtent").value(), ','); extent.size() == 3) {
    format.block_width = static_cast<unsigned>(std::atoi(extent[0].c_str()));
    format.block_height = static_cast<unsigned>(std::atoi(extent[1].c_str()));
  }
  for (const pugi::xml_node plane : node.children("plane")) {
    format.planes.push_back({.compatible = plane.attribute("compatible").value(),
                             .width_divisor = plane.attribute("widthDivisor").as_uint(1),
                             .height_divisor = plane.attribute("heightDivisor").as_uint(1)});
  }
  registry.formats.insert_or_assign(node.attribute("name").value(), std::move(format));
}

std::expected<void, std::string> read_document(pugi::xml_node root, bool venus, Registry& registry) {
  if (!root) return std::unexpected("The XML has no element <registry>.");
  for (const pugi::xml_node node : root.child("types").children("type")) {
    if (for_vulkan(node)) read_type(node, venus, registry);
  }
  for (const pugi::xml_node node : root.child("commands").children("command")) {
    if (for_vulkan(node)) read_command(node, venus, registry);
  }
  for (const pugi::xml_node node : root.child("extensions").children("extension")) {
    if (for_vulkan(node, "supported")) read_extension(node, venus, registry);
  }
  for (const pugi::xml_node node : root.child("formats").children("format")) read_format(node, registry);
  if (!venus) {
    for (const pugi::xml_node node : root.children("enums")) read_enums(node, registry);
    for (const pugi::xml_node node : root.children("feature")) {
      if (!for_vulkan(node)) continue;
      read_added_enumerators(node, registry);
      read_version(node, registry);
    }
    for (const pugi::xml_node node : root.child("extensions").children("extension")) {
      if (for_vulkan(node, "supported")) read_added_enumerators(node, registry);
    }
  }
  for (auto& [name, command] : registry.commands) command.aliases.clear();
  for (const auto& [alias, name] : registry.command_aliases) {
    if (const auto at = registry.commands.find(name); at != registry.commands.end()) {
      at->second.aliases.push_back(alias);
    }
  }
  return {};
}

}  // namespace

std::string Struct::stype() const {
  return !members.empty() && members[0].name == "sType" ? members[0].stype : std::string();
}

std::string Registry::resolve(const std::string& type) const {
  const auto at = type_aliases.find(type);
  return at == type_aliases.end() ? type : resolve(at->second);
}

TypeClass Registry::classify(const std::string& name) const {
  static const std::set<std::string> kWords = {"uint32_t", "int32_t", "uint64_t", "int64_t", "float", "size_t", "int"};
  const std::string type = resolve(name);
  if (kWords.contains(type) || words.contains(type)) return TypeClass::word;
  if (type == "uint8_t" || type == "uint16_t") return TypeClass::narrow;
  if (type == "char") return TypeClass::character;
  if (type == "void") return TypeClass::untyped;
  if (handles.contains(type)) return TypeClass::handle;
  if (structs.contains(type)) return TypeClass::structure;
  if (functions.contains(type)) return TypeClass::function;
  return TypeClass::unknown;
}

const Struct* Registry::find_struct(const std::string& type) const {
  const auto at = structs.find(resolve(type));
  return at == structs.end() ? nullptr : &at->second;
}

const Handle* Registry::find_handle(const std::string& type) const {
  const auto at = handles.find(resolve(type));
  return at == handles.end() ? nullptr : &at->second;
}

std::expected<void, std::string> read_xml(const std::string& path, bool venus, Registry& registry) {
  std::ifstream file(path);
  if (!file) return std::unexpected("The file " + path + " cannot be read.");
  std::ostringstream text;
  text << file.rdbuf();
  return parse_xml(text.str(), venus, registry);
}

std::expected<void, std::string> parse_xml(const std::string& text, bool venus, Registry& registry) {
  pugi::xml_document document;
  const pugi::xml_parse_result parsed =
      document.load_buffer(text.data(), text.size(), pugi::parse_default | pugi::parse_ws_pcdata);
  if (!parsed) return std::unexpected(std::string("The XML cannot be parsed: ") + parsed.description() + ".");
  return read_document(document.child("registry"), venus, registry);
}

}  // namespace wiregen
