// print_command: walks the stream along the schema.
#include "wire/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>
#include <vector>

#include "wire/names.h"
#include "wire/schema.h"

namespace hesper::wire {
namespace {

constexpr std::size_t kMaxElements = 8;      // of an array that are shown
constexpr std::size_t kMaxBytes = 16;        // of a blob
constexpr std::size_t kMaxText = 120;        // characters of a string
constexpr std::size_t kMaxChain = 256;       // as the decoder has it
constexpr std::size_t kMaxLine = 64 * 1024;  // characters; further ones are dropped

class Printer {
 public:
  explicit Printer(Decoder& in) : in_(in) {}

  std::string take() { return std::move(text_); }

  void fields(std::span<const FieldSchema> all) {
    bool first = true;
    for (const FieldSchema& field : all) {
      if (!in_.ok()) return;
      if (!std::exchange(first, false)) put(", ");
      put("{}=", field.name);
      value(field);
    }
  }

 private:
  template <class... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    if (quiet_ == 0 && text_.size() < kMaxLine) {
      fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    }
  }

  // A length: what is claimed may be more than there is.
  std::uint64_t length() { return in_.take<std::uint64_t>(); }

  void value(const FieldSchema& field) {
    switch (field.shape) {
      case FieldShape::one: return element(field);
      case FieldShape::pointer: return pointer(field);
      case FieldShape::array: return array(field);
      case FieldShape::string: return string();
      case FieldShape::strings: return list(length(), [&] { string(); });
      case FieldShape::pointers: return list(length(), [&] { pointer(field); });
      case FieldShape::arrays: return list(length(), [&] { array(field); });
      case FieldShape::room: {
        const std::uint64_t count = length();
        if (count == 0) return put("NULL");
        return count == 1 ? put("out") : put("out[{}]", count);
      }
    }
  }

  void pointer(const FieldSchema& field) {
    if (!in_.marker()) return put("NULL");
    element(field);
  }

  void array(const FieldSchema& field) {
    const std::uint64_t count = length();
    if (count == 0) return put("NULL");
    switch (field.kind) {
      case FieldKind::byte: return bytes(count, 1);
      case FieldKind::half: return bytes(count, 2);
      case FieldKind::character: return characters(count);
      default: return list(count, [&] { element(field); });
    }
  }

  // `count` times what `one` reads, in brackets.
  template <class One>
  void list(std::uint64_t count, One&& one) {
    if (count == 0) return put("NULL");
    const std::size_t outer_quiet = quiet_;
    put("[");
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
      const std::size_t before = in_.position();
      if (i == kMaxElements) {
        put(", ... {} in all", count);
        ++quiet_;
      }
      if (i != 0) put(", ");
      one();
      // Elements of no size: a count of any height costs nothing on the wire, and has nothing to show.
      if (in_.position() == before) break;
    }
    quiet_ = outer_quiet;
    put("]");
  }

  void bytes(std::uint64_t count, std::size_t size) {
    if (count > in_.remaining() / size) return in_.fail(DecodeErrc::truncated, count);
    const std::size_t total = static_cast<std::size_t>(count) * size;
    const auto* from = in_.array<std::uint8_t>(total);
    if (from == nullptr) return;
    put("<{} bytes:", total);
    for (std::size_t i = 0; i < std::min(total, kMaxBytes); ++i) put(" {:02x}", from[i]);
    put("{}>", total > kMaxBytes ? " ..." : "");
  }

  void characters(std::uint64_t count) {
    if (count > in_.remaining()) return in_.fail(DecodeErrc::truncated, count);
    const auto* from = in_.array<char>(static_cast<std::size_t>(count));
    if (from == nullptr) return;
    const char* const end = std::find(from, from + count, '\0');
    put("\"");
    for (const char* c = from; c != end && c != from + kMaxText; ++c) {
      if (*c == '"' || *c == '\\') {
        put("\\{}", *c);
      } else if (*c >= ' ' && *c <= '~') {
        put("{}", *c);
      } else {
        put("\\x{:02x}", static_cast<unsigned char>(*c));
      }
    }
    put("\"{}", static_cast<std::size_t>(end - from) > kMaxText ? "..." : "");
  }

  void string() {
    const std::uint64_t count = length();
    if (count == 0) return put("NULL");
    characters(count);
  }

  void element(const FieldSchema& field) {
    switch (field.kind) {
      case FieldKind::u32: return put("{}", in_.take<std::uint32_t>());
      case FieldKind::i32: return put("{}", in_.take<std::int32_t>());
      case FieldKind::f32: return put("{}", in_.take<float>());
      case FieldKind::u64: return put("{}", in_.take<std::uint64_t>());
      case FieldKind::i64: return put("{}", in_.take<std::int64_t>());
      case FieldKind::boolean: return boolean();
      case FieldKind::enumeration: return enumeration(field.names);
      case FieldKind::flags32: return flags(field.names, in_.take<std::uint32_t>());
      case FieldKind::flags64: return flags(field.names, in_.take<std::uint64_t>());
      case FieldKind::byte:
      case FieldKind::character: return put("{}", in_.take<std::uint32_t>() & 0xff);
      case FieldKind::half: return put("{}", in_.take<std::uint32_t>() & 0xffff);
      case FieldKind::handle: return handle();
      case FieldKind::structure: return structure(*field.structure, field.partial);
      case FieldKind::clear_color: return clear_color();
      case FieldKind::clear_value: return clear_value();
      case FieldKind::address: return address();
    }
  }

  void boolean() {
    const auto value = in_.take<std::uint32_t>();
    if (value > 1) return put("{}", value);
    put("{}", value == 1 ? "true" : "false");
  }

  void handle() {
    const auto id = in_.take<ObjectId>();
    id == 0 ? put("null") : put("#{}", id);
  }

  void enumeration(const EnumSchema* names) {
    const auto value = in_.take<std::int32_t>();
    if (names != nullptr) {
      const auto at = std::ranges::find(names->values, static_cast<std::uint32_t>(value),
                                        [](const EnumValue& each) { return static_cast<std::uint32_t>(each.value); });
      if (at != names->values.end()) return put("{}", at->name);
    }
    put("{}", value);
  }

  void flags(const EnumSchema* names, std::uint64_t value) {
    if (value == 0 || names == nullptr) return value == 0 ? put("0") : put("{:#x}", value);
    bool first = true;
    std::uint64_t left = value;
    for (const EnumValue& each : names->values) {
      if (!std::has_single_bit(each.value) || (left & each.value) == 0) continue;
      put("{}{}", std::exchange(first, false) ? "" : "|", each.name);
      left &= ~each.value;
    }
    if (left != 0) put("{}{:#x}", first ? "" : "|", left);
  }

  void structure(const StructSchema& type, bool partial) {
    if (type.is_union) return tagged(type);
    put("{{");
    if (!type.has_stype) {
      fields(partial ? type.partial : type.fields);
      return put("}}");
    }
    in_.expect_stype(static_cast<VkStructureType>(type.stype));
    std::vector<const StructSchema*> chain;
    while (in_.ok() && in_.marker()) {
      const auto stype = in_.take<std::uint32_t>();
      const StructSchema* link = struct_schema(stype);
      if (link == nullptr || chain.size() == kMaxChain) return in_.fail(DecodeErrc::unknown_chain, stype);
      chain.push_back(link);
    }
    // Their bodies come in reverse order, before the struct's own members; people expect them behind, in theirs.
    std::vector<std::string> bodies;
    for (auto link = chain.rbegin(); link != chain.rend() && in_.ok(); ++link) {
      std::string outer = std::exchange(text_, {});
      fields(partial ? (*link)->partial : (*link)->fields);
      bodies.push_back(std::exchange(text_, std::move(outer)));
    }
    const std::size_t before = text_.size();
    fields(partial ? type.partial : type.fields);
    if (!chain.empty()) {
      put("{}pNext=[", text_.size() == before ? "" : ", ");
      for (std::size_t i = 0; i < chain.size() && i < bodies.size(); ++i) {
        put("{}{}{{{}}}", i == 0 ? "" : ", ", chain[i]->name, bodies[bodies.size() - 1 - i]);
      }
      put("]");
    }
    put("}}");
  }

  void tagged(const StructSchema& type) {
    const auto tag = in_.take<std::uint32_t>();
    const auto field = std::ranges::find(type.fields, tag, &FieldSchema::selection);
    if (field == type.fields.end()) return in_.fail(DecodeErrc::bad_union_tag, tag);
    put("{{{}=", field->name);
    value(*field);
    put("}}");
  }

  // Its bits mean what the attachment's format makes of them, so they are shown as both.
  void color_words() {
    const std::size_t count = in_.array_count(4);
    const auto* words = in_.array<std::uint32_t>(count);
    if (words == nullptr) return;
    put("{{");
    for (std::size_t i = 0; i < 4; ++i) put("{}{}", i == 0 ? "" : ", ", std::bit_cast<float>(words[i]));
    put("}}");
  }

  void clear_color() {
    const auto tag = in_.take<std::uint32_t>();
    if (tag > 2) return in_.fail(DecodeErrc::bad_union_tag, tag);
    color_words();
  }

  void clear_value() {
    const auto tag = in_.take<std::uint32_t>();
    if (tag == 0) return clear_color();
    if (tag != 1) return in_.fail(DecodeErrc::bad_union_tag, tag);
    const auto depth = in_.take<float>();
    put("{{depth={}, stencil={}}}", depth, in_.take<std::uint32_t>());
  }

  void address() {
    const auto tag = in_.take<std::uint32_t>();
    if (tag > 1) return in_.fail(DecodeErrc::bad_union_tag, tag);
    put("{:#x}", in_.take<std::uint64_t>());
  }

  Decoder& in_;
  std::string text_;
  std::size_t quiet_ = 0;
};

}  // namespace

PrintedCommand print_command(Decoder& in) {
  constexpr std::uint32_t kGenerateReply = 1;
  PrintedCommand result;
  result.type = in.take<std::uint32_t>();
  result.wants_reply = (in.take<std::uint32_t>() & kGenerateReply) != 0;
  if (!in.ok()) return result;
  result.text = fmt::format("{}(", command_name(result.type));
  const auto* schema = request_schema(result.type);
  if (schema == nullptr) {
    in.fail(DecodeErrc::unknown_command, result.type);
    return result;
  }
  Printer printer(in);
  printer.fields(*schema);
  result.text += printer.take();
  if (in.ok()) result.text += result.wants_reply ? ") -> reply" : ")";
  return result;
}

}  // namespace hesper::wire
