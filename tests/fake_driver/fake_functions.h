// The generated C functions of the fake driver, which all end in run().
#pragma once

#include <vulkan/vulkan_core.h>

#include <span>

#include "reflection.h"

namespace hesper::fake {

struct FakeFunction {
  const char* name;
  PFN_vkVoidFunction function;
};

// Generated; by name.
[[nodiscard]] std::span<const FakeFunction> fake_functions() noexcept;

// What a call does, on the one FakeDriver of the process. Fills in outputs and the return value.
void run(const Command& command, void* params);

}  // namespace hesper::fake
