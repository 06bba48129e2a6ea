// FieldWriter: the C++ statements that decode or encode one struct member or command parameter. Knows all shapes a
// field can have; which fields travel in which direction is the caller's business.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "registry.h"
#include "text.h"

namespace wiregen {

enum class Coding : std::uint8_t { decode, encode };

class FieldWriter {
 public:
  // owner: the struct's or command's name. object: the C++ variable that holds the fields.
  FieldWriter(Text& text, const Registry& registry, const std::vector<Field>& siblings, std::string owner,
              std::string object, Coding coding)
      : text_(text),
        registry_(registry),
        siblings_(siblings),
        owner_(std::move(owner)),
        object_(std::move(object)),
        coding_(coding) {}

  // The field with all that it points to.
  void full(const Field& field);
  // What a request carries of an output struct's member.
  void partial(const Field& member);

  // Neighbouring scalars are moved together, with one check; write_run() ends such a run.
  void add_to_run(const Field& field) { run_.push_back(access(field)); }
  void write_run();

  // Length of the field's array as a C++ expression of type uint64_t.
  [[nodiscard]] std::string length(const Field& field) const;
  [[nodiscard]] std::string access(const Field& field) const { return object_ + "." + field.name; }
  // dec.array_count(...) or its form for arrays that may be NULL.
  [[nodiscard]] std::string decoded_count(const Field& field) const;
  [[nodiscard]] std::string object_type(const Field& field) const;

 private:
  void decode(const Field& field);
  void decode_pointer(const Field& field);
  void decode_nested(const Field& field);
  void encode(const Field& field);
  void encode_nested(const Field& field);
  [[nodiscard]] std::string sibling(const std::string& name, bool dereferenced_by_arrow) const;
  [[nodiscard]] std::string expression(const std::string& source) const;
  [[nodiscard]] bool never_travels(const Field& field) const;
  [[nodiscard]] std::string element_size(const Field& field) const;

  Text& text_;
  const Registry& registry_;
  const std::vector<Field>& siblings_;
  std::string owner_;
  std::string object_;
  Coding coding_;
  std::vector<std::string> run_;
};

// True if the partial form of the struct has any bytes.
[[nodiscard]] bool has_partial_form(const Registry& registry, const Struct& type);

// The field as a C++ declaration without semicolon.
[[nodiscard]] std::string declaration(const Field& field);

}  // namespace wiregen
