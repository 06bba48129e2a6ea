// Instances and the enumeration of physical devices. What a physical device answers is in physical_device.cpp.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "base/log.h"
#include "render/client_context.h"
#include "render/extensions.h"
#include "render/handlers_gen.h"
#include "render/made.h"
#include "render/physical_device.h"
#include "render/stream.h"
#include "render/validation.h"

namespace hesper::render {
namespace {

// The protocol's own extensions; the guest asks for them by name.
constexpr std::array<VkExtensionProperties, 2> kInstanceExtensions{{
    {.extensionName = "VK_EXT_command_serialization", .specVersion = 1},
    {.extensionName = "VK_MESA_venus_protocol", .specVersion = 1},
}};

// SAFETY: the state of every VkInstance is its Instance.
Instance& instance_of(const void* state) noexcept { return *static_cast<const InstanceChild*>(state)->instance; }

}  // namespace

Result<std::unique_ptr<Instance>> create_host_instance(const Loader& loader, const VkApplicationInfo* app,
                                                       std::unique_ptr<Validation> validation) {
  VkApplicationInfo app_info{.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO};
  if (app != nullptr) app_info = *app;
  app_info.pNext = nullptr;
  app_info.apiVersion = std::max(app_info.apiVersion, VK_API_VERSION_1_1);

  std::uint32_t host_version = VK_API_VERSION_1_0;
  loader.procs().vkEnumerateInstanceVersion(&host_version);
  if (host_version < VK_API_VERSION_1_1) {
    return fail("The host's Vulkan loader is older than Vulkan 1.1.", VK_ERROR_INITIALIZATION_FAILED);
  }
  VkInstanceCreateInfo info{.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &app_info};
  std::vector<const char*> extensions;
  if (contains(instance_extensions(loader.procs()), VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME)) {
    // MoltenVK and its kind are found only by those who ask for them.
    info.flags |= VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
    extensions.push_back(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME);
  }
  if (validation) {
    extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    info.pNext = validation->next();
    info.enabledLayerCount = 1;
    info.ppEnabledLayerNames = &kValidationLayer;
  }
  info.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  auto instance = std::make_unique<Instance>();
  const VkResult result = made(loader.procs().vkCreateInstance(&info, nullptr, &instance->handle), instance->handle);
  if (result == VK_ERROR_LAYER_NOT_PRESENT) {
    return fail("The host has no Khronos validation layer; install it (Debian: apt install vulkan-validationlayers).",
                result);
  }
  if (result != VK_SUCCESS) {
    return fail("The host has no Vulkan driver that starts; install one (Debian: apt install mesa-vulkan-drivers).",
                result);
  }
  instance->look_up = loader.get_instance_proc_addr();
  instance->validation = std::move(validation);
  if (instance->validation) instance->validation->start(instance->look_up, instance->handle);
  load(instance->procs_table, instance->look_up, instance->handle);
  instance->procs = &instance->procs_table;
  instance->instance = instance.get();
  return instance;
}

Instance::~Instance() { shut_down(); }

void Instance::shut_down() {
  devices.clear();
  if (handle == VK_NULL_HANDLE) return;
  if (validation) validation->stop(look_up, handle);
  procs_table.vkDestroyInstance(std::exchange(handle, VK_NULL_HANDLE), nullptr);
}

void on_vkEnumerateInstanceVersion(CommandStream& stream, wire::vkEnumerateInstanceVersion_args& args) {
  args.ret = stream.context().loader().procs().vkEnumerateInstanceVersion(args.pApiVersion);
  *args.pApiVersion = std::min(*args.pApiVersion, kNewestVersion);
}

void on_vkEnumerateInstanceExtensionProperties(CommandStream&,
                                               wire::vkEnumerateInstanceExtensionProperties_args& args) {
  // Nothing of the host: what the guest's programs need there lives in the guest.
  args.ret = answer_list(kInstanceExtensions, args.pPropertyCount, args.pProperties);
}

void on_vkCreateInstance(CommandStream& stream, wire::vkCreateInstance_args& args) {
  ClientContext& context = stream.context();
  const wire::ObjectId id = *args.pInstance_ids;
  if (context.instance() != nullptr) return stream.refuse(args.kType, "The context has an instance already.");
  if (!stream.reserve(VK_OBJECT_TYPE_INSTANCE, id)) return;
  if (args.pCreateInfo->enabledLayerCount != 0) {
    args.ret = VK_ERROR_LAYER_NOT_PRESENT;
    return;
  }
  if (args.pCreateInfo->enabledExtensionCount != 0) {
    args.ret = VK_ERROR_EXTENSION_NOT_PRESENT;
    return;
  }
  std::unique_ptr<Validation> validation;
  if (context.options().validate) validation = std::make_unique<Validation>(context.options().name);
  auto instance = create_host_instance(context.loader(), args.pCreateInfo->pApplicationInfo, std::move(validation));
  if (!instance) {
    log::error("{}: {}", context.options().name, instance.error().message);
    args.ret = static_cast<VkResult>(instance.error().code);
    return;
  }
  Instance& made = **instance;
  if (!context.set_instance(std::move(*instance))) {
    return stream.refuse(args.kType, "Two streams create the context's instance at once.");
  }
  stream.created_with_state(made, VK_OBJECT_TYPE_INSTANCE, id, std::bit_cast<std::uint64_t>(made.handle));
  args.ret = VK_SUCCESS;
}

void on_vkDestroyInstance(CommandStream& stream, wire::vkDestroyInstance_args& args) {
  if (args.instance.id == 0) return;
  ClientContext& context = stream.context();
  const auto instance = context.take_instance(instance_of(args.instance.state));
  if (instance == nullptr) return stream.refuse(args.kType, "The instance is destroyed on two streams at once.");
  // No id may outlive what it names.
  std::vector<std::shared_ptr<Device>> devices;
  {
    const std::scoped_lock lock(instance->devices_mutex);
    instance->gone = true;
    devices = instance->devices;
  }
  for (const auto& device : devices) static_cast<void>(destroy_device(context, *device));  // false: being destroyed
  {
    const std::scoped_lock lock(instance->physical_devices_mutex);
    for (const auto& physical : instance->physical_devices) context.objects().erase(physical->id);
    instance->shut_down();
  }
  context.objects().erase(args.instance.id);
  context.reclaimer().retire(instance);
}

void on_vkEnumeratePhysicalDevices(CommandStream& stream, wire::vkEnumeratePhysicalDevices_args& args) {
  Instance& instance = instance_of(args.instance.state);
  const std::scoped_lock lock(instance.physical_devices_mutex);
  if (instance.handle == VK_NULL_HANDLE) return stream.refuse(args.kType, "The instance is being destroyed.");
  if (instance.physical_devices.empty()) {
    args.ret = find_physical_devices(instance, stream.context().options());
    if (args.ret != VK_SUCCESS) return;
  }
  const auto& devices = instance.physical_devices;
  const auto have = static_cast<std::uint32_t>(devices.size());
  args.ret = VK_SUCCESS;
  if (args.pPhysicalDevices == nullptr) {
    *args.pPhysicalDeviceCount = have;
    return;
  }
  if (*args.pPhysicalDeviceCount < have) args.ret = VK_INCOMPLETE;
  *args.pPhysicalDeviceCount = std::min(*args.pPhysicalDeviceCount, have);
  for (std::uint32_t i = 0; i < *args.pPhysicalDeviceCount; ++i) {
    PhysicalDevice& device = *devices[i];
    const wire::ObjectId id = args.pPhysicalDevices_ids[i];
    if (device.id == id) continue;
    if (device.id != 0) return stream.refuse(args.kType, "The physical device has another id already.");
    if (!stream.reserve(VK_OBJECT_TYPE_PHYSICAL_DEVICE, id)) return;
    device.id = id;
    stream.created_with_state(device, VK_OBJECT_TYPE_PHYSICAL_DEVICE, id, std::bit_cast<std::uint64_t>(device.handle));
  }
}

void on_vkEnumeratePhysicalDeviceGroups(CommandStream& stream, wire::vkEnumeratePhysicalDeviceGroups_args& args) {
  Instance& instance = instance_of(args.instance.state);
  const std::scoped_lock lock(instance.physical_devices_mutex);
  if (instance.handle == VK_NULL_HANDLE) return stream.refuse(args.kType, "The instance is being destroyed.");
  if (std::ranges::any_of(instance.physical_devices, [](const auto& d) { return d->id == 0; }) ||
      instance.physical_devices.empty()) {
    args.ret = VK_ERROR_INITIALIZATION_FAILED;  // ids come from vkEnumeratePhysicalDevices
    return;
  }
  args.ret = instance.procs->vkEnumeratePhysicalDeviceGroups(instance.handle, args.pPhysicalDeviceGroupCount,
                                                             args.pPhysicalDeviceGroupProperties);
  if (args.ret < 0 || args.pPhysicalDeviceGroupProperties == nullptr) return;
  for (std::uint32_t g = 0; g < *args.pPhysicalDeviceGroupCount; ++g) {
    VkPhysicalDeviceGroupProperties& group = args.pPhysicalDeviceGroupProperties[g];
    for (std::uint32_t i = 0; i < VK_MAX_DEVICE_GROUP_SIZE; ++i) {
      wire::ObjectId id = 0;
      if (i < group.physicalDeviceCount) {
        const auto found = std::ranges::find(instance.physical_devices, group.physicalDevices[i],
                                             [](const auto& d) { return d->handle; });
        if (found != instance.physical_devices.end()) id = (*found)->id;
      }
      group.physicalDevices[i] = std::bit_cast<VkPhysicalDevice>(id);  // the wire carries ids
    }
  }
}

}  // namespace hesper::render
