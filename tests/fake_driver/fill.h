// Filler: random contents for structs and commands, valid for the wire: what a client could send, or a host answer.
// Values mean nothing to Vulkan.
#pragma once

#include <cstdint>
#include <functional>

#include "base/arena.h"
#include "reflection.h"

namespace hesper::fake {

// A small generator whose numbers are the same everywhere (SplitMix64).
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}
  [[nodiscard]] std::uint64_t next() noexcept;
  // Less than `bound`, which is not 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }
  [[nodiscard]] bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

class Filler {
 public:
  struct Objects {
    std::function<std::uint64_t(VkObjectType)> existing;  // an object's id (or handle), never 0
    std::function<std::uint64_t(VkObjectType)> fresh;     // for an object to be created
  };

  // Borrows random and arena; what pointers point to is in the arena.
  Filler(Random& random, Arena& arena, Objects objects)
      : random_(random), arena_(arena), objects_(std::move(objects)) {}

  // The client's side. params: zeroed. Outputs get room, and garbage that must not travel.
  void fill_request(const Command& command, void* params);
  // value: zeroed. link: this struct and nothing else is in its chain; nullptr: any chain.
  void fill(const Type& type, void* value, const Type* link = nullptr);
  // The same for what a client sends to have it filled in.
  void fill_partial(const Type& type, void* value, const Type* link = nullptr);

  // The host's side: overwrites the outputs in place, with arrays as long as they are or shorter, and the return value.
  // Created objects are left alone.
  void fill_outputs(const Command& command, void* params);
  // The same for one output struct. Keeps sType and chain, and fills the chain's structs too.
  void answer(const Type& type, void* value);

 private:
  void fill_members(const Type& type, void* owner, bool partial);
  void fill_field(void* owner, const Field& field, bool partial);
  void fill_output(void* params, const Field& field);
  void fill_elements(const Field& field, std::byte* first, std::size_t count, bool partial);
  void fill_element(const Field& field, std::byte* at, bool partial);
  void fill_union(void* owner, const Field& field, bool partial);
  void fill_chain(const Type& type, void* value, bool partial, const Type* link);
  void fill_whole(const Type& type, void* value, bool partial, const Type* link);
  void answer_members(const Type& type, void* owner);
  void answer_elements(const Field& field, std::byte* first, std::size_t count);
  [[nodiscard]] std::uint64_t number(const Field& field);
  [[nodiscard]] const char* string();
  [[nodiscard]] std::byte* room(std::size_t size);

  Random& random_;
  Arena& arena_;
  Objects objects_;
  int depth_ = 0;
};

}  // namespace hesper::fake
