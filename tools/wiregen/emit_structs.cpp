// Emitter of wire/structs_gen.h and wire/structs_gen_<n>.cpp: the codec of every struct.
#include "emit.h"
#include "fields.h"
#include "quirks.h"
#include "text.h"

namespace wiregen {
namespace {

class StructEmitter {
 public:
  StructEmitter(Text& text, const Registry& registry, const StructPlan& plan)
      : text_(text), registry_(registry), plan_(plan), type_(*plan.type), stype_(plan.type->stype()) {}

  void write() {
    if (type_.is_union) {
      write_union(Coding::decode);
      write_union(Coding::encode);
      return;
    }
    if (!plan_.chain.empty()) write_chain();
    write_struct(Coding::decode, false);
    write_struct(Coding::encode, false);
    if (!plan_.output || !has_partial_form(registry_, type_)) return;
    write_struct(Coding::decode, true);
    write_struct(Coding::encode, true);
  }

 private:
  void write_chain() {
    text_.open("constexpr ChainLink k{}Chain[] = {{", type_.name);
    for (const Struct* link : plan_.chain) {
      text_.line("{}<{}>({}),", plan_.output ? "output_link" : "link", link->name, link->stype());
    }
    text_.close("};");
    text_.blank();
  }

  [[nodiscard]] std::string signature(Coding coding, const std::string& function) const {
    return coding == Coding::decode ? std::format("void {}(Decoder& dec, {}& v)", function, type_.name)
                                    : std::format("void {}(Encoder& enc, const {}& v)", function, type_.name);
  }

  // A struct with sType is a head and a body; a chain needs the bodies alone.
  void write_struct(Coding coding, bool partial) {
    const std::string verb = coding == Coding::decode ? "decode" : "encode";
    const std::string form = partial ? "_partial" : "";
    const bool split = !stype_.empty() && plan_.chained;
    if (split) {
      text_.open("{} {{", signature(coding, verb + "_body" + form));
      write_members(coding, partial);
      text_.close();
      text_.blank();
    }
    if (!plan_.direct) return;
    text_.open("{} {{", signature(coding, verb + form));
    if (!stype_.empty()) write_head(coding, partial);
    if (split) {
      text_.line("{}_body{}({}, v);", verb, form, coding == Coding::decode ? "dec" : "enc");
    } else {
      write_members(coding, partial);
    }
    text_.close();
    text_.blank();
  }

  void write_head(Coding coding, bool partial) {
    const std::string chain = plan_.chain.empty() ? "{}" : "k" + type_.name + "Chain";
    const std::string form = partial ? "Form::partial" : "Form::full";
    if (coding == Coding::decode) {
      text_.line("dec.expect_stype({});", stype_);
      text_.line("v.sType = {};", stype_);
      text_.line("v.pNext = decode_chain(dec, {}, {});", chain, form);
    } else {
      text_.line("enc.put<std::uint32_t>({});", stype_);
      text_.line("encode_chain(enc, v.pNext, {}, {});", chain, form);
    }
  }

  void write_members(Coding coding, bool partial) {
    const std::size_t before = text_.str().size();
    FieldWriter fields(text_, registry_, type_.members, type_.name, "v", coding);
    for (const Field& member : type_.members) {
      if (!stype_.empty() && (member.name == "sType" || member.name == "pNext")) continue;
      if (partial) {
        fields.partial(member);
      } else {
        fields.full(member);
      }
    }
    fields.write_run();
    if (coding == Coding::decode && !partial && is_checked(type_.name)) text_.line("check(dec, v);");
    if (text_.str().size() == before) {
      text_.line("static_cast<void>({});", coding == Coding::decode ? "dec" : "enc");
      text_.line("static_cast<void>(v);");
    }
  }

  // The tag repeats the selector.
  void write_union(Coding coding) {
    const bool decode = coding == Coding::decode;
    text_.open("void {}({}, {}{}& v, std::uint64_t selector) {{", decode ? "decode" : "encode",
               decode ? "Decoder& dec" : "Encoder& enc", decode ? "" : "const ", type_.name);
    text_.line("{}",
               decode ? "if (!dec.expect_tag(selector)) return;" : "enc.put(static_cast<std::uint32_t>(selector));");
    text_.open("switch (selector) {{");
    FieldWriter fields(text_, registry_, type_.members, type_.name, "v", coding);
    for (const Field& member : type_.members) {
      text_.open("case {}:", member.selection);
      fields.full(member);
      fields.write_run();
      text_.line("break;");
      text_.close("");
    }
    text_.line("default: {}break;", decode ? "dec.fail(DecodeErrc::bad_union_tag, selector); " : "");
    text_.close();
    text_.close();
    text_.blank();
  }

  Text& text_;
  const Registry& registry_;
  const StructPlan& plan_;
  const Struct& type_;
  std::string stype_;
};

void declare(Text& text, const Registry& registry, const StructPlan& plan) {
  const std::string& name = plan.type->name;
  if (plan.type->is_union) {
    text.line("void decode(Decoder& dec, {}& v, std::uint64_t selector);", name);
    text.line("void encode(Encoder& enc, const {}& v, std::uint64_t selector);", name);
    return;
  }
  const auto pair = [&](const std::string& form) {
    text.line("void decode{}(Decoder& dec, {}& v);", form, name);
    text.line("void encode{}(Encoder& enc, const {}& v);", form, name);
  };
  const bool partial = plan.output && has_partial_form(registry, *plan.type);
  if (plan.direct) pair("");
  if (plan.direct && partial) pair("_partial");
  if (plan.chained) pair("_body");
  if (plan.chained && partial) pair("_body_partial");
}

std::string header(const Registry& registry, const Plan& plan) {
  Text text;
  text.line("//");
  text.line(
      "// decode() reads a struct in full: its memory lives as long as the decoder's stream and arena, and object ids");
  text.line(
      "// have become handles. decode_partial() reads what a request carries of an output struct, and makes room for");
  text.line(
      "// the arrays that the host will fill. encode() and encode_partial() write the same. The *_body functions are");
  text.line("// for structs inside a chain, without sType and pNext.");
  text.line("#pragma once");
  text.blank();
  text.line("#include <vulkan/vulkan_core.h>");
  text.blank();
  text.line("#include \"wire/decoder.h\"");
  text.line("#include \"wire/encoder.h\"");
  text.line("#include \"wire/unions.h\"");
  text.line("#include \"wire/venus_types_gen.h\"");
  text.blank();
  text.line("namespace hesper::wire {{");
  text.blank();
  for (const auto& [name, entry] : plan.structs) {
    if (hand_written_union(name) == 0) declare(text, registry, entry);
  }
  text.blank();
  text.line("}}  // namespace hesper::wire");
  return text.str();
}

}  // namespace

Files emit_structs(const Registry& registry, const Plan& plan) {
  Files files = {
      {.path = "wire/structs_gen.h",
       .content = first_line(registry, "Codecs of all structs that commands carry.") + header(registry, plan)}};
  std::vector<const StructPlan*> structs;
  for (const auto& [name, entry] : plan.structs) {
    if (hand_written_union(name) == 0) structs.push_back(&entry);
  }
  for (std::size_t n = 0; n < kStructFiles; ++n) {
    Text text;
    text.line("#include \"wire/structs_gen.h\"");
    text.blank();
    text.line("#include \"wire/chain.h\"");
    text.line("#include \"wire/checks.h\"");
    text.line("#include \"wire/codec.h\"");
    text.blank();
    text.line("namespace hesper::wire {{");
    text.blank();
    for (std::size_t i = structs.size() * n / kStructFiles; i < structs.size() * (n + 1) / kStructFiles; ++i) {
      StructEmitter(text, registry, *structs[i]).write();
    }
    text.line("}}  // namespace hesper::wire");
    files.push_back({.path = std::format("wire/structs_gen_{}.cpp", n),
                     .content = first_line(registry, "Codecs of some of the structs.") + text.str()});
  }
  return files;
}

}  // namespace wiregen
