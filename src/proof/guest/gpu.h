// The virtio-gpu device as its driver sees it: found on the PCI bus, its control queue driven without interrupts. Knows
// no command. Spec: virtio 1.3, "Virtio Over PCI Bus", "Split Virtqueues".
#pragma once

#include "machine.h"

namespace gpu {

inline constexpr u64 kMostUsedWindow = 64ul << 20;  // bytes from the window's start that can be read

struct Found {
  const char* problem = nullptr;  // a word, see player.cpp; null: the device works
  u64 features = 0;               // offered
  u8* window = nullptr;           // the host-visible one; null: there is none
  u64 window_size = 0;            // bytes
};
Found start();

// Gives a request to the device and waits for its answer. Returns the answer's bytes.
u32 submit(const void* request, u32 request_size, void* response, u32 response_size);

}  // namespace gpu
