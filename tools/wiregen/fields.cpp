// FieldWriter: one statement per shape. The functions that the statements call are in src/wire/codec.h.
#include "fields.h"

#include <algorithm>
#include <cctype>

#include "plan.h"
#include "quirks.h"

namespace wiregen {
namespace {

bool is_identifier(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

}  // namespace

bool has_partial_form(const Registry& registry, const Struct& type) { return wire_size(registry, type, true) != 0; }

std::string declaration(const Field& field) {
  std::string text = field.is_const && field.pointers > 0 ? "const " + field.type : field.type;
  if (field.pointers == 1) text += "*";
  if (field.pointers == 2) text += "* const*";
  text += " " + field.name;
  if (!field.dimension.empty()) text += "[" + field.dimension + "]";
  return text;
}

void FieldWriter::write_run() {
  if (run_.empty()) return;
  std::string names;
  for (const std::string& name : run_) names += (names.empty() ? "" : ", ") + name;
  text_.line("{}({});", coding_ == Coding::decode ? "dec.take_all" : "enc.put_all", names);
  run_.clear();
}

void FieldWriter::full(const Field& field) {
  if (registry_.classify(field.type) == TypeClass::word && field.pointers == 0 && field.dimension.empty()) {
    add_to_run(field);
    return;
  }
  write_run();
  if (coding_ == Coding::decode) {
    decode(field);
  } else {
    encode(field);
  }
}

void FieldWriter::partial(const Field& member) {
  const std::string name = access(member);
  const TypeClass kind = registry_.classify(member.type);
  const Struct* type = registry_.find_struct(member.type);
  const bool elements_travel = type != nullptr && has_partial_form(registry_, *type);
  if (member.pointers == 0 && kind == TypeClass::word && member.dimension.empty()) {
    if (is_in_out_count(siblings_, member)) add_to_run(member);
    return;
  }
  if (!member.dimension.empty()) {
    if (kind == TypeClass::handle) {
      full(member);
    } else if (type != nullptr) {
      write_run();
      text_.line("{}({}, {});", coding_ == Coding::decode ? "decode_partial_fixed" : "encode_partial_fixed",
                 coding_ == Coding::decode ? "dec" : "enc", name);
    }
    return;
  }
  if (member.pointers > 0) {
    write_run();
    if (coding_ == Coding::encode) {
      text_.line("{}(enc, {}, {});", elements_travel ? "encode_partial_array" : "encode_output_count", name,
                 length(member));
    } else {
      text_.line("{} = {}<{}>(dec, {});", name, elements_travel ? "decode_partial_array" : "output_array", member.type,
                 decoded_count(member));
    }
    return;
  }
  if (!elements_travel) return;
  write_run();
  text_.line("{}({}, {});", coding_ == Coding::decode ? "decode_partial" : "encode_partial",
             coding_ == Coding::decode ? "dec" : "enc", name);
}

// A host pointer of unknown extent is always NULL.
bool FieldWriter::never_travels(const Field& field) const {
  return field.pointers > 0 && field.length.empty() && registry_.classify(field.type) == TypeClass::untyped;
}

std::string FieldWriter::object_type(const Field& field) const {
  return registry_.find_handle(field.type)->object_type;
}

std::string FieldWriter::element_size(const Field& field) const {
  return std::to_string(wire_size(registry_, *registry_.find_struct(field.type), false));
}

std::string FieldWriter::decoded_count(const Field& field) const {
  const bool may_be_null = field.optional || field.no_auto_validity;
  return std::string(may_be_null ? "dec.optional_array_count(" : "dec.array_count(") + length(field) + ")";
}

std::string FieldWriter::sibling(const std::string& name, bool dereferenced_by_arrow) const {
  const auto at = std::ranges::find(siblings_, name, &Field::name);
  if (at == siblings_.end()) return name;  // a constant
  const std::string variable = access(*at);
  if (dereferenced_by_arrow) return variable;
  return at->pointers > 0 ? std::format("counted({})", variable) : std::format("number({})", variable);
}

// Names of siblings become accesses; a sibling behind a pointer counts as 0 while the pointer is NULL.
std::string FieldWriter::expression(const std::string& source) const {
  if (const std::size_t arrow = source.find("->"); arrow != std::string::npos) {
    const std::string pointer = sibling(source.substr(0, arrow), true);
    return std::format("({0} != nullptr ? number({0}->{1}) : 0)", pointer, source.substr(arrow + 2));
  }
  std::string result;
  for (std::size_t at = 0; at < source.size();) {
    std::size_t end = at;
    while (end < source.size() && is_identifier(source[end])) ++end;
    if (end == at) {
      result += source[at++];
    } else {
      result += sibling(source.substr(at, end - at), false);
      at = end;
    }
  }
  return result;
}

std::string FieldWriter::length(const Field& field) const { return expression(field.length); }

void FieldWriter::decode(const Field& field) {
  const std::string name = access(field);
  const TypeClass kind = registry_.classify(field.type);
  if (field.pointers > 0) {
    decode_pointer(field);
  } else if (!field.dimension.empty()) {
    text_.line("{}(dec, {});", kind == TypeClass::structure ? "decode_fixed" : "decode_fixed_scalars", name);
  } else if (kind == TypeClass::narrow) {
    text_.line("{} = dec.take_narrow<{}>();", name, field.type);
  } else if (kind == TypeClass::handle) {
    const bool dispatchable = registry_.find_handle(field.type)->dispatchable;
    text_.line("{} = dec.{}<{}>({});", name, dispatchable ? "required_handle" : "handle", field.type,
               object_type(field));
  } else if (!field.selector.empty()) {
    write_run();
    text_.line("decode(dec, {}, number({}.{}));", name, object_, field.selector);
  } else {
    text_.line("decode(dec, {});", name);
  }
}

void FieldWriter::decode_pointer(const Field& field) {
  const std::string name = access(field);
  const TypeClass kind = registry_.classify(field.type);
  const bool may_be_null = field.optional || field.no_auto_validity;
  if (field.pointers == 2 && field.inner_length != "null-terminated") {
    decode_nested(field);
    return;
  }
  if (field.null_terminated()) {
    text_.line("{} = dec.{}();", name, may_be_null ? "string" : "required_string");
    return;
  }
  if (never_travels(field)) {
    text_.line("dec.expect_null();");
    return;
  }
  if (field.length.empty()) {
    text_.line("{} = decode_pointer<{}>(dec, dec.{}());", name, field.type, may_be_null ? "marker" : "required_marker");
    return;
  }
  if (const std::size_t slash = field.length.find(" / "); slash != std::string::npos && field.length[0] != '(') {
    // The driver will read all of the bytes that the other unit counts.
    text_.line("dec.multiple_of({}, {});", expression(field.length.substr(0, slash)), field.length.substr(slash + 3));
  }
  const std::string count = decoded_count(field);
  if (field.pointers == 2) {
    text_.line("{} = decode_strings(dec, {});", name, count);
  } else if (kind == TypeClass::structure) {
    text_.line("{} = decode_array<{}>(dec, {}, {});", name, field.type, count, element_size(field));
  } else if (kind == TypeClass::handle) {
    const bool required =
        registry_.find_handle(field.type)->dispatchable && !field.no_auto_validity && !field.elements_optional;
    text_.line("{} = {}<{}>(dec, {}, {});", name, required ? "decode_required_handles" : "decode_handles", field.type,
               count, object_type(field));
  } else {
    const std::string type = kind == TypeClass::untyped ? "std::byte" : field.type;
    text_.line("{} = {}<{}>({});", name, field.is_const ? "dec.array" : "dec.copied_array", type, count);
  }
}

void FieldWriter::decode_nested(const Field& field) {
  const std::string element = std::string(element_length(owner_, field.name));
  const std::string size = registry_.find_struct(field.type) != nullptr ? element_size(field) : "4";
  if (element.empty()) {
    text_.line("{} = decode_pointers<{}>(dec, {}, {});", access(field), field.type, decoded_count(field), size);
  } else {
    text_.line("{} = decode_arrays<{}>(dec, {}, {}, [&](std::size_t i) {{ return number({}); }});", access(field),
               field.type, decoded_count(field), size, element);
  }
}

void FieldWriter::encode(const Field& field) {
  const std::string name = access(field);
  const TypeClass kind = registry_.classify(field.type);
  if (field.pointers == 2 && field.inner_length != "null-terminated") {
    encode_nested(field);
  } else if (field.null_terminated()) {
    text_.line("enc.string({});", name);
  } else if (never_travels(field)) {
    text_.line("enc.marker(false);");
  } else if (field.pointers > 0 && field.length.empty()) {
    text_.line("encode_pointer(enc, {});", name);
  } else if (field.pointers > 0) {
    const std::string_view condition = sent_only_if(owner_, field.name);
    std::string count = length(field);
    if (!condition.empty()) count = std::format("{} ? {} : 0", condition, count);
    text_.line("{}(enc, {}, {});", field.pointers == 2 ? "encode_strings" : "encode_array", name, count);
  } else if (!field.dimension.empty()) {
    text_.line("encode_fixed(enc, {});", name);
  } else if (kind == TypeClass::narrow) {
    text_.line("enc.put_narrow({});", name);
  } else if (kind == TypeClass::handle) {
    text_.line("enc.handle({});", name);
  } else if (!field.selector.empty()) {
    write_run();
    text_.line("encode(enc, {}, number({}.{}));", name, object_, field.selector);
  } else {
    text_.line("encode(enc, {});", name);
  }
}

void FieldWriter::encode_nested(const Field& field) {
  const std::string element = std::string(element_length(owner_, field.name));
  if (element.empty()) {
    text_.line("encode_pointers(enc, {}, {});", access(field), length(field));
  } else {
    text_.line("encode_arrays(enc, {}, {}, [&](std::size_t i) {{ return number({}); }});", access(field), length(field),
               element);
  }
}

}  // namespace wiregen
