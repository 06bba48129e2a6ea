// Request: one command as a door hands it in, and the way its response goes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace hesper::gpu {

enum class Queue : std::uint8_t { control = 0, cursor = 1 };

// Where the response goes. Called once, on the device's thread, maybe after handle() has returned, and out of order.
// Destroyed without a call: the device was reset, and nobody waits for a response.
class Responder {
 public:
  virtual ~Responder() = default;
  // response: at most Request::room bytes; empty where the guest left no room. Must not call the device.
  virtual void respond(std::span<const std::byte> response) = 0;
};

struct Request {
  Queue queue = Queue::control;
  std::span<const std::byte> bytes;  // a private copy, which the guest cannot change; borrowed for the call
  std::size_t room = 0;              // bytes that the guest left for the response
  std::unique_ptr<Responder> responder;
};

}  // namespace hesper::gpu
