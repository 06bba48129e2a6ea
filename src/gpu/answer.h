// Answer: what a command's handler says: a response, or a refusal with the specification's code and a sentence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gpu/protocol.h"

namespace hesper::gpu {

// Everything of a response but its header.
struct Response {
  std::uint32_t type = VIRTIO_GPU_RESP_OK_NODATA;
  std::vector<std::byte> payload;
};

// A response of one of the layouts in protocol.h, of which only what follows the header counts.
template <class Layout>
[[nodiscard]] Response response_of(std::uint32_t type, const Layout& layout) {
  const auto bytes = std::as_bytes(std::span(&layout, 1)).subspan(sizeof(virtio_gpu_ctrl_hdr));
  return {.type = type, .payload = {bytes.begin(), bytes.end()}};
}

enum class Fault : std::uint8_t {
  guest,  // it asks for what cannot be; for the debugger only, as guests do that after any other failure
  host,   // we cannot do what it may ask for: a line in the log
};

struct Refusal {
  std::uint32_t type;  // VIRTIO_GPU_RESP_ERR_x
  Fault fault;
  std::string reason;  // a whole sentence
};

template <class T>
using Answer = std::expected<T, Refusal>;

[[nodiscard]] inline std::unexpected<Refusal> refuse(std::uint32_t type, std::string reason) {
  return std::unexpected(Refusal{.type = type, .fault = Fault::guest, .reason = std::move(reason)});
}
[[nodiscard]] inline std::unexpected<Refusal> cannot(std::uint32_t type, std::string reason) {
  return std::unexpected(Refusal{.type = type, .fault = Fault::host, .reason = std::move(reason)});
}

}  // namespace hesper::gpu
