#include "gpu_guest.h"

#include <array>
#include <iterator>
#include <random>
#include <string_view>
#include <vector>

#include "gpu/protocol.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace hesper::fuzz {
namespace {

using namespace gpu;

// What a command consists of after its header, a letter a word or two; see word_of().
struct Shape {
  std::uint32_t type;
  std::string_view words;
};
constexpr Shape kShapes[] = {
    {VIRTIO_GPU_CMD_GET_DISPLAY_INFO, ""},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, "rfww"},
    {VIRTIO_GPU_CMD_RESOURCE_UNREF, "r0"},
    {VIRTIO_GPU_CMD_SET_SCANOUT, "xxwwsr"},
    {VIRTIO_GPU_CMD_RESOURCE_FLUSH, "xxwwr0"},
    {VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, "xxwwx0r0"},
    {VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, "rn"},
    {VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, "r0"},
    {VIRTIO_GPU_CMD_GET_CAPSET_INFO, "00"},
    {VIRTIO_GPU_CMD_GET_CAPSET, "c0"},
    {VIRTIO_GPU_CMD_GET_EDID, "s0"},
    {VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, "r0"},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, "rmbn00p0"},
    {VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, "xxwwsrwwf0t000x000"},
    {VIRTIO_GPU_CMD_CTX_CREATE, "wc0000000000000000"},
    {VIRTIO_GPU_CMD_CTX_DESTROY, ""},
    {VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, "r0"},
    {VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, "r0"},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_3D, "r00000000000"},
    {VIRTIO_GPU_CMD_SUBMIT_3D, "l0"},
    {VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, "r0p0"},
    {VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, "r0"},
    {VIRTIO_GPU_CMD_UPDATE_CURSOR, "sxx0rww0"},
    {VIRTIO_GPU_CMD_MOVE_CURSOR, "sxx0rww0"},
};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::uint32_t below(std::uint32_t bound) {
    return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(engine_);
  }
  bool one_in(std::uint32_t n) { return below(n) == 0; }
  template <class T, std::size_t N>
  T of(const T (&choices)[N]) {
    return choices[below(N)];
  }

 private:
  std::minstd_rand engine_;
};

// A value that has a chance to be right, now and then one that has none.
std::uint32_t word_of(char kind, Random& random) {
  if (random.one_in(64)) return random.of({0xffffffffu, 0x80000000u, 0x40000000u, 0xfffffff0u, 1u});
  switch (kind) {
    case 'r': return random.below(6);                                                                // resource
    case 's': return random.below(3);                                                                // scanout
    case 'f': return random.of({1u, 2u, 3u, 4u, 67u, 68u, 121u, 134u, 5u});                          // format
    case 'w': return random.of({0u, 1u, 8u, 16u, 63u, 64u, 65u, 100u});                              // pixels of a size
    case 'x': return random.of({0u, 0u, 0u, 1u, 4u, 8u, 32u, 64u, 0xfffffffbu});                     // place
    case 't': return random.of({256u, 32u, 64u, 400u, 0u});                                          // stride
    case 'm': return random.of({2u, 2u, 1u, 3u, 0u});                                                // blob_mem
    case 'b': return random.of({1u, 1u, 7u, 0u, 2u, 8u});                                            // blob_flags
    case 'c': return random.of({4u, 4u, 4u, 0u, 1u, 0x104u});                                        // capset
    case 'p': return random.of({0u, 0x1000u, 0x2000u, 0x4000u, 0x8000u, 0x10000u, 0x1800u, 5000u});  // bytes of pages
    case 'n': return random.of({0u, 0u, 0u, 1u, 2u, 3u});  // entries that follow
    case 'l': return random.of({0u, 13u, 8u, 64u});        // bytes that follow
    default: return 0;
  }
}

void append(std::vector<std::uint8_t>& bytes, std::span<const std::byte> more) {
  for (const std::byte byte : more) bytes.push_back(std::to_integer<std::uint8_t>(byte));
}

template <class T>
std::span<const std::byte> raw(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

std::vector<std::uint8_t> random_command(Random& random) {
  const Shape& shape = kShapes[random.below(std::size(kShapes))];
  virtio_gpu_ctrl_hdr header{.type = shape.type, .ctx_id = random.of({1u, 1u, 1u, 2u, 0u})};
  if (random.one_in(3)) header.flags = random.of({1u, 3u});
  if (header.flags == 3) header.ring_idx = static_cast<std::uint8_t>(random.of({0u, 1u, 2u, 63u, 64u}));
  std::vector<std::uint8_t> bytes;
  append(bytes, raw(header));
  std::uint32_t entries = 0;
  std::uint32_t length = 0;
  for (const char kind : shape.words) {
    const std::uint32_t word = word_of(kind, random);
    append(bytes, raw(word));
    if (kind == 'n') entries = std::min(word, 64u);
    if (kind == 'l') length = std::min(word, 64u);
  }
  for (std::uint32_t i = 0; i < entries; ++i) {
    const virtio_gpu_mem_entry entry{.addr = kGuestRam + word_of('p', random) + random.of({0u, 0u, 1u, 0x7000u}),
                                     .length = word_of('p', random)};
    append(bytes, raw(entry));
  }
  bytes.resize(bytes.size() + length);
  return bytes;
}

std::vector<std::uint8_t> random_record(Random& random) {
  GuestRecord record{.kind = GuestRecord::control, .argument = static_cast<std::uint8_t>(random.below(256)), .size = 0};
  std::vector<std::uint8_t> payload;
  if (random.one_in(5)) {
    record.kind = static_cast<std::uint8_t>(random.below(GuestRecord::count));
    if (record.kind == GuestRecord::reset && !random.one_in(4)) record.argument = 0xff;
    if (record.kind == GuestRecord::config) payload.resize(random.of({24u, 4u, 0u}), 1);
  } else {
    payload = random_command(random);
    std::uint32_t type = 0;
    std::memcpy(&type, payload.data(), sizeof(type));
    if (type >= VIRTIO_GPU_CMD_UPDATE_CURSOR) record.kind = GuestRecord::cursor;
    if (!random.one_in(8)) record.argument = 0;
  }
  record.size = static_cast<std::uint16_t>(payload.size());
  std::vector<std::uint8_t> bytes;
  append(bytes, raw(record));
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

}  // namespace

std::size_t mutate_guest(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  Random random(seed);
  if (random.one_in(2)) return LLVMFuzzerMutate(data, size, most);
  std::vector<std::size_t> starts;
  for_each_record({data, size},
                  [&](std::size_t at, const GuestRecord&, std::span<const std::byte>) { starts.push_back(at); });
  starts.push_back(size);
  const std::size_t index = random.below(static_cast<std::uint32_t>(starts.size()));
  const bool removes = random.one_in(2) && index + 1 < starts.size();
  std::vector<std::uint8_t> result(data, data + starts[index]);
  if (!removes || random.one_in(2)) {
    for (std::uint32_t i = 1 + random.below(8); i > 0; --i) {
      const auto record = random_record(random);
      result.insert(result.end(), record.begin(), record.end());
    }
  }
  result.insert(result.end(), data + (removes ? starts[index + 1] : starts[index]), data + size);
  if (result.empty() || result.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::ranges::copy(result, data);
  return result.size();
}

}  // namespace hesper::fuzz
