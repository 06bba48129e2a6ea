// A Vulkan driver that tries to get out of the worker's sandbox as soon as an instance is made (tests/clients/escapes),
// and is of no other use. tests/e2e/test_sandbox.py loads it with --host-driver.
#include <vulkan/vulkan.h>

#include <cstdint>
#include <cstring>

#include "../escapes/escapes.h"

namespace {

VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo*, const VkAllocationCallbacks*, VkInstance*) {
  try_to_escape("hostile driver");
  return VK_ERROR_INITIALIZATION_FAILED;
}

VkResult VKAPI_CALL no_extensions(const char*, std::uint32_t* count, VkExtensionProperties*) {
  *count = 0;
  return VK_SUCCESS;
}

void VKAPI_CALL nothing() {}

}  // namespace

// What the loader looks for by name.
extern "C" {

VkResult vk_icdNegotiateLoaderICDInterfaceVersion(std::uint32_t* version) {
  *version = 5;
  return VK_SUCCESS;
}

PFN_vkVoidFunction vk_icdGetInstanceProcAddr(VkInstance, const char* name) {
  // SAFETY: the loader casts each back to the type of the function that it asked for.
  if (std::strcmp(name, "vkCreateInstance") == 0) return reinterpret_cast<PFN_vkVoidFunction>(&create_instance);
  if (std::strcmp(name, "vkEnumerateInstanceExtensionProperties") == 0)
    return reinterpret_cast<PFN_vkVoidFunction>(&no_extensions);
  if (std::strcmp(name, "vkEnumerateInstanceVersion") == 0) return nullptr;
  return &nothing;
}

}  // extern "C"
