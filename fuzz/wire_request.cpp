// Fuzz target: the decoders of all commands. What can be decoded must be encoded such that it decodes to the same
// again. Object ids are left as they are, so that no objects are needed; no driver is called.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/arena.h"
#include "base/check.h"
#include "commands.h"
#include "mutate.h"
#include "wire/decoder.h"
#include "wire/encoder.h"

namespace {

using namespace hesper;

constexpr std::size_t kBudget = 1 << 20;                    // bytes that one command may decode to
constexpr std::size_t kHeader = 2 * sizeof(std::uint32_t);  // command type and flags

// Nothing if it does not fit: a short command may ask for large output arrays.
std::optional<std::vector<std::byte>> encode(const fake::Command& command, const void* parameters) {
  std::vector<std::byte> bytes(kBudget);
  wire::Encoder encoder(bytes);
  command.coding.encode_request(encoder, 0, parameters);
  if (!encoder.ok()) return std::nullopt;
  bytes.resize(encoder.position());
  return bytes;
}

}  // namespace

// The first word is the command's number, modulo the largest.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kHeader) return 0;
  std::vector<std::uint64_t> aligned((size + 7) / 8);
  std::copy_n(data, size, reinterpret_cast<std::uint8_t*>(aligned.data()));
  const auto bytes = std::as_bytes(std::span(aligned)).first(size);
  const fake::Command* command = fuzz::command_of(static_cast<std::uint32_t>(aligned[0]) % 400);
  if (command == nullptr) return 0;

  Arena arena(kBudget);
  wire::Decoder decoder(arena, nullptr);
  decoder.reset(bytes.subspan(kHeader));
  auto parameters = fuzz::parameters_of(*command);
  command->coding.decode_request(decoder, parameters.data());
  if (!decoder.ok()) return 0;
  const auto encoded = encode(*command, parameters.data());
  if (!encoded) return 0;

  decoder.reset(std::span(*encoded).subspan(kHeader));
  auto again = fuzz::parameters_of(*command);
  command->coding.decode_request(decoder, again.data());
  if (decoder.error().code == wire::DecodeErrc::budget) return 0;  // both are in the arena now
  HESPER_CHECK(decoder.ok());
  HESPER_CHECK(decoder.remaining() == 0);
  HESPER_CHECK(encode(*command, again.data()) == encoded);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  return fuzz::mutate(data, size, most, seed);
}
