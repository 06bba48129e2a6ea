// Emitter of wire/formats_gen.cpp: bytes and extents of formats. Declarations: src/wire/formats.h.
#include "emit.h"
#include "text.h"

namespace wiregen {
namespace {

std::string block(const Format& format) {
  return std::format(".block_size = {}, .block_width = {}, .block_height = {}", format.block_size, format.block_width,
                     format.block_height);
}

}  // namespace

Files emit_formats(const Registry& registry, const Plan&) {
  Text text;
  text.line("#include \"wire/formats.h\"");
  text.blank();
  text.line("namespace hesper::wire {{");
  text.blank();
  text.open("std::optional<FormatPlane> format_plane(VkFormat format, unsigned plane) noexcept {{");
  text.open("switch (format) {{");
  for (const auto& [name, format] : registry.formats) {
    if (format.planes.empty()) {
      text.line("case {}: if (plane == 0) return FormatPlane{{{}}}; break;", name, block(format));
      continue;
    }
    text.open("case {}:", name);
    for (std::size_t i = 0; i < format.planes.size(); ++i) {
      const FormatPlane& plane = format.planes[i];
      const auto at = registry.formats.find(plane.compatible);
      if (at == registry.formats.end()) continue;
      text.line("if (plane == {}) return FormatPlane{{{}, .width_divisor = {}, .height_divisor = {}}};", i,
                block(at->second), plane.width_divisor, plane.height_divisor);
    }
    text.line("break;");
    text.close("");
  }
  text.line("default: break;");
  text.close();
  text.line("return std::nullopt;");
  text.close();
  text.blank();
  text.line("}}  // namespace hesper::wire");
  return {{.path = "wire/formats_gen.cpp", .content = first_line(registry, "Sizes of formats.") + text.str()}};
}

}  // namespace wiregen
