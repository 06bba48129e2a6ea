// Filler: scalars first, as they are lengths and selectors; then what they say.
#include "fill.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "conform.h"

namespace hesper::fake {
namespace {

constexpr std::uint64_t kLongestArray = 3;
constexpr std::uint64_t kMostLinks = 3;
constexpr int kDeepestChain = 3;  // structs inside structs; below that, chains would only make the command large
constexpr std::uint64_t kNullIn = 4;

bool is_pointer(const Field& field) {
  return field.kind == Kind::string || field.shape == Shape::pointer || field.shape == Shape::array ||
         field.shape == Shape::arrays;
}

bool is_plain(const Field& field) {
  return !is_pointer(field) && (field.kind == Kind::scalar || field.kind == Kind::handle);
}

}  // namespace

std::uint64_t Random::next() noexcept {
  state_ += 0x9e37'79b9'7f4a'7c15;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
  z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
  return z ^ (z >> 31);
}

std::byte* Filler::room(std::size_t size) {
  void* bytes = arena_.allocate(std::max<std::size_t>(size, 1));
  HESPER_CHECK(bytes != nullptr);
  return static_cast<std::byte*>(std::memset(bytes, 0, std::max<std::size_t>(size, 1)));
}

const char* Filler::string() {
  const std::size_t length = random_.below(20);
  auto* text = reinterpret_cast<char*>(room(length + 1));
  for (std::size_t i = 0; i < length; ++i) text[i] = static_cast<char>('!' + random_.below(90));
  return text;
}

// Small numbers as often as any: enumerators and flags are small.
std::uint64_t Filler::number(const Field& field) {
  switch (field.role) {
    case Role::none: return random_.one_in(2) ? random_.below(9) : random_.next();
    case Role::count: return random_.below(kLongestArray + 1);
    case Role::count_of_bytes: return 4 * random_.below(kLongestArray + 1);
    case Role::sample_count: return random_.below(65);
    case Role::constant: return field.constant;
  }
  return 0;
}

// ---- The client's side ----

void Filler::fill_element(const Field& field, std::byte* at, bool partial) {
  switch (field.kind) {
    case Kind::scalar:
      for (std::size_t done = 0; done < field.size; done += 8) {
        store_number(at + done, std::min<std::size_t>(field.size - done, 8), number(field));
      }
      break;
    case Kind::handle:
      if (field.required_handle || !random_.one_in(kNullIn)) store(at, objects_.existing(field.object_type));
      break;
    case Kind::string: store(at, string()); break;
    case Kind::structure: fill_whole(*field.type, at, partial, nullptr); break;
    case Kind::stype:
    case Kind::chain:
    case Kind::host_pointer: break;
  }
}

void Filler::fill_elements(const Field& field, std::byte* first, std::size_t count, bool partial) {
  for (std::size_t i = 0; i < count; ++i) fill_element(field, first + i * field.size, partial);
}

void Filler::fill_union(void* owner, const Field& field, bool partial) {
  if (selected_member(owner, field) == nullptr) {
    const Field& any = field.type->fields[random_.below(field.type->fields.size())];
    store(static_cast<std::byte*>(owner) + field.selector_offset, static_cast<std::uint32_t>(any.selection));
  }
  fill_field(at(owner, field), *selected_member(owner, field), partial);
}

void Filler::fill_field(void* owner, const Field& field, bool partial) {
  std::byte* value = at(owner, field);
  if (is_pointer(field) && field.optional && random_.one_in(kNullIn)) return;
  switch (field.shape) {
    case Shape::value:
      if (field.selector_offset != SIZE_MAX) return fill_union(owner, field, partial);
      return fill_element(field, value, partial);
    case Shape::fixed: return fill_elements(field, value, field.extent, partial);
    case Shape::pointer: {
      std::byte* pointee = room(field.size);
      fill_element(field, pointee, partial);
      return store(value, pointee);
    }
    case Shape::array: {
      const std::uint64_t count = field.length(owner);
      if (count == 0 && random_.one_in(2)) return;
      std::byte* first = room(count * field.size);
      fill_elements(field, first, count, partial);
      return store(value, first);
    }
    case Shape::arrays: {
      const std::uint64_t count = field.length(owner);
      if (count == 0) return;
      std::byte* pointers = room(count * sizeof(void*));
      for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t inner = field.inner_length == nullptr ? 1 : field.inner_length(owner, i);
        std::byte* first = room(inner * field.size);
        fill_elements(field, first, inner, partial);
        store(pointers + i * sizeof(void*), first);
      }
      return store(value, pointers);
    }
  }
}

void Filler::fill_members(const Type& type, void* owner, bool partial) {
  for (const Field& field : type.fields) {
    if (is_plain(field)) fill_field(owner, field, partial);
  }
  for (const Field& field : type.fields) {
    if (!is_plain(field)) fill_field(owner, field, partial);
  }
}

void Filler::fill_chain(const Type& type, void* value, bool partial, const Type* link) {
  std::vector<const Type*> links;
  if (link != nullptr) {
    links.push_back(link);
  } else if (!type.chain.empty() && depth_ <= kDeepestChain) {
    const std::uint64_t wanted = random_.below(kMostLinks + 1);
    for (std::uint64_t i = 0; i < wanted; ++i) {
      const Type* any = type.chain[random_.below(type.chain.size())];
      if (!std::ranges::contains(links, any)) links.push_back(any);
    }
  }
  // SAFETY: structs with an sType begin like VkBaseOutStructure.
  auto* last = static_cast<VkBaseOutStructure*>(value);
  for (const Type* next : links) {
    auto* body = reinterpret_cast<VkBaseOutStructure*>(room(next->size));
    body->sType = next->stype;
    fill_members(*next, body, partial);
    if (!partial) conform(*next, body, arena_);
    last->pNext = body;
    last = body;
  }
}

void Filler::fill_whole(const Type& type, void* value, bool partial, const Type* link) {
  ++depth_;
  if (type.has_stype()) {
    static_cast<VkBaseOutStructure*>(value)->sType = type.stype;
    fill_chain(type, value, partial, link);
  }
  fill_members(type, value, partial);
  if (!partial) conform(type, value, arena_);
  --depth_;
}

void Filler::fill(const Type& type, void* value, const Type* link) { fill_whole(type, value, false, link); }

void Filler::fill_partial(const Type& type, void* value, const Type* link) { fill_whole(type, value, true, link); }

void Filler::fill_output(void* params, const Field& field) {
  const bool one = field.shape == Shape::pointer;
  const std::uint64_t count = one ? 1 : field.length(params);
  if (!one && (count == 0 || (field.optional && random_.one_in(kNullIn)))) return;
  std::byte* first = room(count * field.size);
  if (field.kind == Kind::handle) {
    for (std::uint64_t i = 0; i < count; ++i) store(first + i * field.size, objects_.fresh(field.object_type));
  } else {
    fill_elements(field, first, count, true);
  }
  store(at(params, field), first);
}

void Filler::fill_request(const Command& command, void* params) {
  const auto fields = command.params.fields;
  for (const Field& field : fields) {
    if (is_plain(field)) fill_field(params, field, false);
  }
  // Counts behind pointers are lengths too.
  for (const Field& field : fields) {
    if (!is_plain(field) && field.in_out_count) fill_output(params, field);
  }
  // Structs may say how long an output is, or an array of arrays.
  const auto later = [](const Field& field) { return field.shape == Shape::arrays; };
  for (const Field& field : fields) {
    if (!is_plain(field) && !field.output && !later(field)) fill_field(params, field, false);
  }
  for (const Field& field : fields) {
    if (!is_plain(field) && !field.output && later(field)) fill_field(params, field, false);
  }
  for (const Field& field : fields) {
    if (field.output && !field.in_out_count) fill_output(params, field);
  }
  conform(command.params, params, arena_);
}

// ---- The host's side ----

void Filler::answer_elements(const Field& field, std::byte* first, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    std::byte* element = first + i * field.size;
    if (field.kind == Kind::structure) {
      answer(*field.type, element);
    } else if (field.kind == Kind::scalar) {
      fill_element(field, element, false);
    }
  }
}

void Filler::answer_members(const Type& type, void* owner) {
  for (const Field& field : type.fields) {
    if (!field.in_out_count) continue;
    // Shorter is fine; longer only where there is no array.
    bool has_array = false;
    for (const Field& other : type.fields) {
      has_array |= other.shape == Shape::array && load<void*>(at(owner, other)) != nullptr;
    }
    const std::uint64_t present = load_number(at(owner, field), field.size);
    store_number(at(owner, field), field.size, random_.below(has_array ? present + 1 : 100));
  }
  for (const Field& field : type.fields) {
    std::byte* value = at(owner, field);
    if (field.in_out_count) continue;
    if (field.shape == Shape::fixed) {
      answer_elements(field, value, field.extent);
    } else if (field.shape == Shape::array) {
      if (auto* first = load<std::byte*>(value)) answer_elements(field, first, field.length(owner));
    } else if (field.shape == Shape::value && field.selector_offset != SIZE_MAX) {
      const Field& any = field.type->fields[random_.below(field.type->fields.size())];
      store(static_cast<std::byte*>(owner) + field.selector_offset, static_cast<std::uint32_t>(any.selection));
      answer_elements(any, value, 1);
    } else if (field.shape == Shape::value) {
      answer_elements(field, value, 1);
    }
  }
}

void Filler::answer(const Type& type, void* value) {
  answer_members(type, value);
  if (!type.has_stype()) return;
  for (auto* link = static_cast<VkBaseOutStructure*>(value)->pNext; link != nullptr; link = link->pNext) {
    if (const Type* known = find_type(link->sType)) answer_members(*known, link);
  }
}

void Filler::fill_outputs(const Command& command, void* params) {
  const auto fields = command.params.fields;
  for (const Field& field : fields) {
    const bool counts = field.in_out_count && field.shape == Shape::pointer;  // not dataSize, which is a value
    auto* count = counts ? load<std::byte*>(at(params, field)) : nullptr;
    if (count == nullptr) continue;
    bool has_array = false;
    for (const Field& other : fields) {
      has_array |= other.output && other.shape == Shape::array && load<void*>(at(params, other)) != nullptr;
    }
    const std::uint64_t present = load_number(count, field.size);
    store_number(count, field.size, random_.below(has_array ? present + 1 : 100));
  }
  for (const Field& field : fields) {
    auto* first = field.output && !field.in_out_count ? load<std::byte*>(at(params, field)) : nullptr;
    if (first == nullptr || field.kind == Kind::handle) continue;
    answer_elements(field, first, field.shape == Shape::array ? field.length(params) : 1);
  }
  if (command.return_size != 0 && !command.returns_result) {
    store_number(static_cast<std::byte*>(params) + command.return_offset, command.return_size, random_.next());
  }
}

}  // namespace hesper::fake
