// Inputs of fuzz_context that no capture has: memory that imports ranges of a door's, or that can move there, bound,
// bound sparsely and freed. Usage: seeds_by_hand FOLDER. Part of fuzz/seeds/renew.
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <vector>

#include "wire/commands_gen.h"
#include "wire/encoder.h"

namespace {

using namespace hesper;

// What the target has made before: tests/unit/render/test_client.h.
constexpr wire::ObjectId kDevice = 3;
constexpr wire::ObjectId kQueue = 5;

class Stream {
 public:
  template <class Args>
  void put(const Args& args) {
    std::array<std::byte, 4096> room;
    wire::Encoder encoder(room);
    wire::encode_request(encoder, 0, args);
    bytes_.insert(bytes_.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(encoder.position()));
  }
  [[nodiscard]] bool write(const std::filesystem::path& path) const {
    std::ofstream file(path, std::ios::binary);
    // SAFETY: char may look at any bytes.
    file.write(reinterpret_cast<const char*>(bytes_.data()), static_cast<std::streamsize>(bytes_.size()));
    return file.flush().good();
  }

 private:
  std::vector<std::byte> bytes_;
};

void create_buffer(Stream& stream, wire::ObjectId id, VkBufferCreateFlags flags) {
  const VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                .flags = flags,
                                .size = 512,
                                .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT};
  VkBuffer made{};
  wire::vkCreateBuffer_args create;
  create.device.id = kDevice;
  create.pCreateInfo = &info;
  create.pBuffer = &made;
  create.pBuffer_ids = &id;
  stream.put(create);
}

// imports: else it is memory that is not in the range yet. The ids of memory and buffers follow from the resource's.
void use_range(Stream& stream, std::uint32_t range, VkDeviceSize size, bool imports) {
  wire::ObjectId memory = 10 * wire::ObjectId{range};
  const wire::ObjectId buffer = memory + 1;
  const wire::ObjectId sparse = memory + 2;
  const wire::VkImportMemoryResourceInfoMESA import{
      .sType = wire::VK_STRUCTURE_TYPE_IMPORT_MEMORY_RESOURCE_INFO_MESA, .pNext = nullptr, .resourceId = range};
  const VkMemoryAllocateInfo info{
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .pNext = imports ? &import : nullptr, .allocationSize = size};
  VkDeviceMemory made{};
  wire::vkAllocateMemory_args allocate;
  allocate.device.id = kDevice;
  allocate.pAllocateInfo = &info;
  allocate.pMemory = &made;
  allocate.pMemory_ids = &memory;
  stream.put(allocate);

  create_buffer(stream, buffer, 0);
  wire::vkBindBufferMemory_args bind;
  bind.device.id = kDevice;
  bind.buffer.id = buffer;
  bind.memory.id = memory;
  bind.memoryOffset = 256;
  stream.put(bind);

  create_buffer(stream, sparse, VK_BUFFER_CREATE_SPARSE_BINDING_BIT);
  const VkSparseMemoryBind piece{.size = 512, .memory = std::bit_cast<VkDeviceMemory>(memory), .memoryOffset = 256};
  const VkSparseBufferMemoryBindInfo pieces{
      .buffer = std::bit_cast<VkBuffer>(sparse), .bindCount = 1, .pBinds = &piece};
  const VkBindSparseInfo bind_info{
      .sType = VK_STRUCTURE_TYPE_BIND_SPARSE_INFO, .bufferBindCount = 1, .pBufferBinds = &pieces};
  wire::vkQueueBindSparse_args bind_sparse;
  bind_sparse.queue.id = kQueue;
  bind_sparse.bindInfoCount = 1;
  bind_sparse.pBindInfo = &bind_info;
  stream.put(bind_sparse);

  if (range % 2 != 0) return;  // the device's end frees it
  wire::vkFreeMemory_args free;
  free.device.id = kDevice;
  free.memory.id = memory;
  stream.put(free);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  Stream ranges;
  Stream moves;
  for (std::uint32_t i = 0; i < 6; ++i) {
    use_range(ranges, 2 + i, VkDeviceSize{1024} << i, true);
    use_range(moves, 2 + i, VkDeviceSize{1024} << i, false);
  }
  const auto folder = std::filesystem::path(argv[1]) / "fuzz_context";
  std::filesystem::create_directories(folder);
  if (ranges.write(folder / "ranges") && moves.write(folder / "moves")) return 0;
  std::fprintf(stderr, "The seeds cannot be written into %s.\n", folder.c_str());
  return 1;
}
