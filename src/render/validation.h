// Validation: the Khronos validation layer over a host instance, for people who work on the renderer. Its messages
// become lines of the log. Which calls are valid for a client to make is no matter of this.
#pragma once

#include <vulkan/vulkan_core.h>

#include <string>

namespace hesper::render {

inline constexpr const char* kValidationLayer = "VK_LAYER_KHRONOS_validation";

// Logs errors and warnings, with their VUIDs, from the creation of an instance to its end. Outlives the instance.
class Validation {
 public:
  explicit Validation(std::string name);  // what log lines begin with
  Validation(const Validation&) = delete;
  Validation& operator=(const Validation&) = delete;

  // For VkInstanceCreateInfo, whose pNext chain then also begins with what next() returns.
  [[nodiscard]] const void* next() const noexcept { return &info_; }

  // Once the instance exists, and before it is destroyed.
  void start(PFN_vkGetInstanceProcAddr look_up, VkInstance instance);
  void stop(PFN_vkGetInstanceProcAddr look_up, VkInstance instance);

 private:
  static VkBool32 VKAPI_PTR log_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                        VkDebugUtilsMessageTypeFlagsEXT type,
                                        const VkDebugUtilsMessengerCallbackDataEXT* message, void* self);

  const std::string name_;
  VkDebugUtilsMessengerCreateInfoEXT info_;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
};

}  // namespace hesper::render
