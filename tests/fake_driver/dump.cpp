// Dump: the walk.
#include "dump.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <iterator>
#include <vector>

namespace hesper::fake {
namespace {

class Dumper {
 public:
  explicit Dumper(const DumpOptions& options) : options_(options) {}

  void request(const Command& command, const void* params) {
    for (const Field& param : command.params.fields) {
      if (param.output && !param.in_out_count) {
        output(params, param);
      } else {
        field(params, param, false);
      }
    }
  }

  void reply(const Command& command, const void* params, bool created) {
    if (command.return_size != 0) {
      line("return", hex(static_cast<const std::byte*>(params) + command.return_offset, command.return_size));
    }
    for (const Field& param : command.params.fields) {
      if (param.output && (created || param.kind != Kind::handle)) field(params, param, false);
    }
  }

  void structure(const Type& type, const void* value, bool partial) {
    open(type.name);
    members(type, value, partial);
    if (type.has_stype()) chain(value, partial);
    close();
  }

  std::string take() { return std::move(text_); }

 private:
  [[nodiscard]] bool sent() const { return options_.view == View::as_sent; }

  void line(std::string_view name, std::string_view value) {
    if (options_.text) text_.append(depth_, ' ').append(name).append(" ").append(value).append("\n");
  }
  void open(std::string_view name) {
    line(name, "{");
    ++depth_;
  }
  void close() {
    --depth_;
    line("}", "");
  }

  [[nodiscard]] std::string hex(const std::byte* from, std::size_t size) const {
    std::string result;
    if (!options_.text) return result;
    for (std::size_t at = 0; at < size; at += 8) {
      char digits[2 * sizeof(std::uint64_t)];
      const std::uint64_t number = load_number(from + at, std::min<std::size_t>(size - at, 8));
      const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), number, 16);
      static_cast<void>(error);  // 16 digits are enough
      result.append(at == 0 ? "0x" : " 0x").append(digits, end);
    }
    return result;
  }

  void members(const Type& type, const void* owner, bool partial) {
    for (const Field& member : type.fields) field(owner, member, partial);
  }

  void chain(const void* value, bool partial) {
    // SAFETY: structs with an sType begin like VkBaseInStructure.
    for (const auto* link = static_cast<const VkBaseInStructure*>(value)->pNext; link != nullptr; link = link->pNext) {
      if (options_.without.contains(link->sType)) continue;
      const Type* type = find_type(link->sType);
      if (type == nullptr) {
        line("pNext, unknown sType", std::to_string(link->sType));
        continue;
      }
      open(type->name);
      members(*type, link, partial);
      close();
    }
  }

  // A parameter that is only filled in later: nothing of it travels but room, and the partial form of structs.
  void output(const void* params, const Field& param) {
    const auto* first = load<const std::byte*>(at(params, param));
    const std::uint64_t count = param.shape == Shape::pointer ? 1 : param.length(params);
    if (first == nullptr || count == 0) return line(param.name, "null");
    if (param.kind == Kind::handle) return line(param.name, std::format("{} new", count));
    elements(param, first, count, true);
  }

  void element(const Field& field, const std::byte* value, bool partial) {
    switch (field.kind) {
      case Kind::scalar: {
        static constexpr std::byte kZeros[16]{};
        const bool travels = !partial || !sent() || field.in_out_count;
        return line(field.name, hex(travels ? value : kZeros, field.size));
      }
      case Kind::handle: {
        // Fixed arrays of handles exist in outputs only, where ids are not looked up on the way in.
        const bool looked_up = field.shape != Shape::fixed;
        auto handle = load<std::uint64_t>(value);
        if (sent() && looked_up) handle = partial ? 0 : translated(handle);
        if (handle != 0 && looked_up && options_.on_handle) options_.on_handle(field.object_type, handle);
        return line(field.name, options_.text ? std::format("{:#x}", handle) : std::string());
      }
      case Kind::string: {
        const auto* string = load<const char*>(value);
        return line(field.name, string == nullptr ? "null" : std::string("\"") + string + '"');
      }
      case Kind::structure: return structure(*field.type, value, partial);
      case Kind::stype: return line("sType", std::to_string(load<std::uint32_t>(value)));
      case Kind::host_pointer: return line(field.name, load<const void*>(value) == nullptr ? "null" : "set");
      case Kind::chain: return;  // behind the members
    }
  }

  [[nodiscard]] std::uint64_t translated(std::uint64_t id) const {
    return id != 0 && options_.translate ? options_.translate(id) : id;
  }

  void elements(const Field& field, const std::byte* first, std::uint64_t count, bool partial) {
    if (field.kind == Kind::scalar && !options_.text) return;
    const std::string name = options_.text ? std::format("{}[{}]", field.name, count) : std::string();
    if (field.kind == Kind::scalar && field.size == 1) {
      // Names and data: a line for each byte would be long and slow.
      const std::vector<std::byte> zeros(partial && sent() ? count : 0);
      return line(name, hex(zeros.empty() ? first : zeros.data(), count));
    }
    open(name);
    for (std::uint64_t i = 0; i < count; ++i) element(field, first + i * field.size, partial);
    close();
  }

  void field(const void* owner, const Field& field, bool partial) {
    const std::byte* value = at(owner, field);
    if (field.shape == Shape::fixed) return elements(field, value, field.extent, partial);
    if (field.shape == Shape::value) {
      if (field.selector_offset == SIZE_MAX) return element(field, value, partial);
      const Field* member = selected_member(owner, field);
      if (member == nullptr) return line(field.name, "no member");
      return this->field(value, *member, partial);
    }
    const auto* first = load<const std::byte*>(value);
    std::uint64_t count = field.shape == Shape::pointer ? 1 : field.length(owner);
    if (sent() && field.travels != nullptr && !field.travels(owner)) count = 0;
    if (first == nullptr || count == 0) return line(field.name, "null");
    if (field.shape != Shape::arrays) return elements(field, first, count, partial);
    open(field.name);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto* inner = load<const std::byte*>(first + i * sizeof(void*));
      const std::uint64_t length = field.inner_length == nullptr ? 1 : field.inner_length(owner, i);
      if (inner == nullptr || length == 0) {
        line(field.name, "null");
      } else {
        elements(field, inner, length, partial);
      }
    }
    close();
  }

  const DumpOptions& options_;
  std::string text_;
  std::size_t depth_ = 0;
};

std::vector<std::string_view> lines(const std::string& text) {
  std::vector<std::string_view> result;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t to = std::min(text.find('\n', from), text.size());
    result.push_back(std::string_view(text).substr(from, to - from));
    from = to + 1;
  }
  return result;
}

}  // namespace

std::string dump_request(const Command& command, const void* params, const DumpOptions& options) {
  Dumper dumper(options);
  dumper.request(command, params);
  return dumper.take();
}

std::string dump_reply(const Command& command, const void* params, bool created) {
  const DumpOptions options;
  Dumper dumper(options);
  dumper.reply(command, params, created);
  return dumper.take();
}

std::string dump(const Type& type, const void* value, bool partial, const DumpOptions& options) {
  Dumper dumper(options);
  dumper.structure(type, value, partial);
  return dumper.take();
}

std::string difference(const std::string& expected, const std::string& actual) {
  if (expected == actual) return {};
  const auto left = lines(expected);
  const auto right = lines(actual);
  const auto [l, r] = std::ranges::mismatch(left, right);
  std::string result;
  const auto context = std::min<std::ptrdiff_t>(12, l - left.begin());
  for (auto it = l - context; it != l; ++it) result += std::format("  {}\n", *it);
  result += std::format("- {}\n", l == left.end() ? "(end)" : *l);
  result += std::format("+ {}\n", r == right.end() ? "(end)" : *r);
  return result;
}

}  // namespace hesper::fake
