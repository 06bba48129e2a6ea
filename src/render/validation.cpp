// Validation: a debug messenger whose messages go to the log.
#include "render/validation.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace hesper::render {

Validation::Validation(std::string name)
    : name_(std::move(name)),
      info_{.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
            .messageSeverity =
                VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
            .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
            .pfnUserCallback = &log_message,
            .pUserData = this} {}

void Validation::start(PFN_vkGetInstanceProcAddr look_up, VkInstance instance) {
  // SAFETY: the loader returns this very function for its name, or null.
  const auto create =
      reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(look_up(instance, "vkCreateDebugUtilsMessengerEXT"));
  if (create == nullptr || create(instance, &info_, nullptr, &messenger_) != VK_SUCCESS)
    log::error("{}: The validation layer takes no messenger; nothing is validated.", name_);
}

void Validation::stop(PFN_vkGetInstanceProcAddr look_up, VkInstance instance) {
  // SAFETY: as above.
  const auto destroy =
      reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(look_up(instance, "vkDestroyDebugUtilsMessengerEXT"));
  if (destroy != nullptr) destroy(instance, messenger_, nullptr);
}

VkBool32 Validation::log_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT,
                                 const VkDebugUtilsMessengerCallbackDataEXT* message, void* self) {
  std::string text = message->pMessage;
  std::ranges::replace(text, '\n', ' ');
  const auto level =
      severity == VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT ? spdlog::level::err : spdlog::level::warn;
  spdlog::log(level, "{}: validation: {}: {}", static_cast<const Validation*>(self)->name_,
              message->pMessageIdName == nullptr ? "no VUID" : message->pMessageIdName, text);
  return VK_FALSE;  // the call goes on
}

}  // namespace hesper::render
