// everything: a device with every extension and every feature that is offered. If it cannot be had, says which of them
// stand in the way, each tried alone.
#include <algorithm>
#include <cstdio>
#include <format>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "support/arguments.h"
#include "support/gpu.h"

// The core versions' features, and those of the extensions that Venus knows.
#define FOR_EACH_FEATURES(X)                                                                                          \
  X(VkPhysicalDeviceVulkan11Features, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES)                          \
  X(VkPhysicalDeviceVulkan12Features, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES)                          \
  X(VkPhysicalDeviceVulkan13Features, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES)                          \
  X(VkPhysicalDeviceVulkan14Features, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_4_FEATURES)                          \
  X(VkPhysicalDeviceBlendOperationAdvancedFeaturesEXT,                                                                \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BLEND_OPERATION_ADVANCED_FEATURES_EXT)                                          \
  X(VkPhysicalDeviceMultiDrawFeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MULTI_DRAW_FEATURES_EXT)                  \
  X(VkPhysicalDeviceMaintenance7FeaturesKHR, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_7_FEATURES_KHR)            \
  X(VkPhysicalDeviceConditionalRenderingFeaturesEXT,                                                                  \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_CONDITIONAL_RENDERING_FEATURES_EXT)                                             \
  X(VkPhysicalDeviceShaderAtomicFloatFeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_ATOMIC_FLOAT_FEATURES_EXT) \
  X(VkPhysicalDeviceShaderAtomicFloat2FeaturesEXT,                                                                    \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_ATOMIC_FLOAT_2_FEATURES_EXT)                                             \
  X(VkPhysicalDeviceTransformFeedbackFeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TRANSFORM_FEEDBACK_FEATURES_EXT)  \
  X(VkPhysicalDeviceComputeShaderDerivativesFeaturesKHR,                                                              \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COMPUTE_SHADER_DERIVATIVES_FEATURES_KHR)                                        \
  X(VkPhysicalDeviceMeshShaderFeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MESH_SHADER_FEATURES_EXT)                \
  X(VkPhysicalDeviceAccelerationStructureFeaturesKHR,                                                                 \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ACCELERATION_STRUCTURE_FEATURES_KHR)                                            \
  X(VkPhysicalDeviceRayTracingPipelineFeaturesKHR,                                                                    \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_PIPELINE_FEATURES_KHR)                                              \
  X(VkPhysicalDeviceRayQueryFeaturesKHR, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_QUERY_FEATURES_KHR)                    \
  X(VkPhysicalDeviceRayTracingMaintenance1FeaturesKHR,                                                                \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_MAINTENANCE_1_FEATURES_KHR)                                         \
  X(VkPhysicalDeviceDepthClipEnableFeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DEPTH_CLIP_ENABLE_FEATURES_EXT)     \
  X(VkPhysicalDeviceBufferDeviceAddressFeaturesEXT,                                                                   \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES_EXT)                                             \
  X(VkPhysicalDeviceYcbcrImageArraysFeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_YCBCR_IMAGE_ARRAYS_FEATURES_EXT)   \
  X(VkPhysicalDeviceShaderClockFeaturesKHR, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CLOCK_FEATURES_KHR)              \
  X(VkPhysicalDeviceFragmentShaderInterlockFeaturesEXT,                                                               \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FRAGMENT_SHADER_INTERLOCK_FEATURES_EXT)                                         \
  X(VkPhysicalDevicePrimitiveTopologyListRestartFeaturesEXT,                                                          \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRIMITIVE_TOPOLOGY_LIST_RESTART_FEATURES_EXT)                                   \
  X(VkPhysicalDeviceTexelBufferAlignmentFeaturesEXT,                                                                  \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TEXEL_BUFFER_ALIGNMENT_FEATURES_EXT)                                            \
  X(VkPhysicalDeviceCustomBorderColorFeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_CUSTOM_BORDER_COLOR_FEATURES_EXT) \
  X(VkPhysicalDeviceBorderColorSwizzleFeaturesEXT,                                                                    \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BORDER_COLOR_SWIZZLE_FEATURES_EXT)                                              \
  X(VkPhysicalDeviceExtendedDynamicStateFeaturesEXT,                                                                  \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE_FEATURES_EXT)                                            \
  X(VkPhysicalDeviceExtendedDynamicState2FeaturesEXT,                                                                 \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE_2_FEATURES_EXT)                                          \
  X(VkPhysicalDeviceExtendedDynamicState3FeaturesEXT,                                                                 \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTENDED_DYNAMIC_STATE_3_FEATURES_EXT)                                          \
  X(VkPhysicalDeviceShaderSubgroupUniformControlFlowFeaturesKHR,                                                      \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SUBGROUP_UNIFORM_CONTROL_FLOW_FEATURES_KHR)                              \
  X(VkPhysicalDeviceRobustness2FeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ROBUSTNESS_2_FEATURES_EXT)              \
  X(VkPhysicalDeviceWorkgroupMemoryExplicitLayoutFeaturesKHR,                                                         \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_WORKGROUP_MEMORY_EXPLICIT_LAYOUT_FEATURES_KHR)                                  \
  X(VkPhysicalDevice4444FormatsFeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_4444_FORMATS_FEATURES_EXT)              \
  X(VkPhysicalDeviceShaderImageAtomicInt64FeaturesEXT,                                                                \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_IMAGE_ATOMIC_INT64_FEATURES_EXT)                                         \
  X(VkPhysicalDeviceFragmentShadingRateFeaturesKHR,                                                                   \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FRAGMENT_SHADING_RATE_FEATURES_KHR)                                             \
  X(VkPhysicalDeviceImage2DViewOf3DFeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_2D_VIEW_OF_3D_FEATURES_EXT)   \
  X(VkPhysicalDeviceImageSlicedViewOf3DFeaturesEXT,                                                                   \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_SLICED_VIEW_OF_3D_FEATURES_EXT)                                           \
  X(VkPhysicalDeviceAttachmentFeedbackLoopDynamicStateFeaturesEXT,                                                    \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ATTACHMENT_FEEDBACK_LOOP_DYNAMIC_STATE_FEATURES_EXT)                            \
  X(VkPhysicalDeviceLegacyVertexAttributesFeaturesEXT,                                                                \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_LEGACY_VERTEX_ATTRIBUTES_FEATURES_EXT)                                          \
  X(VkPhysicalDeviceMutableDescriptorTypeFeaturesEXT,                                                                 \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MUTABLE_DESCRIPTOR_TYPE_FEATURES_EXT)                                           \
  X(VkPhysicalDeviceDepthClipControlFeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DEPTH_CLIP_CONTROL_FEATURES_EXT)   \
  X(VkPhysicalDeviceDepthClampControlFeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DEPTH_CLAMP_CONTROL_FEATURES_EXT) \
  X(VkPhysicalDeviceVertexInputDynamicStateFeaturesEXT,                                                               \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VERTEX_INPUT_DYNAMIC_STATE_FEATURES_EXT)                                        \
  X(VkPhysicalDeviceShaderRelaxedExtendedInstructionFeaturesKHR,                                                      \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_RELAXED_EXTENDED_INSTRUCTION_FEATURES_KHR)                               \
  X(VkPhysicalDeviceColorWriteEnableFeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COLOR_WRITE_ENABLE_FEATURES_EXT)   \
  X(VkPhysicalDevicePrimitivesGeneratedQueryFeaturesEXT,                                                              \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PRIMITIVES_GENERATED_QUERY_FEATURES_EXT)                                        \
  X(VkPhysicalDeviceLegacyDitheringFeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_LEGACY_DITHERING_FEATURES_EXT)      \
  X(VkPhysicalDeviceMultisampledRenderToSingleSampledFeaturesEXT,                                                     \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MULTISAMPLED_RENDER_TO_SINGLE_SAMPLED_FEATURES_EXT)                             \
  X(VkPhysicalDeviceYcbcr2Plane444FormatsFeaturesEXT,                                                                 \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_YCBCR_2_PLANE_444_FORMATS_FEATURES_EXT)                                         \
  X(VkPhysicalDeviceProvokingVertexFeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROVOKING_VERTEX_FEATURES_EXT)      \
  X(VkPhysicalDeviceFragmentShaderBarycentricFeaturesKHR,                                                             \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FRAGMENT_SHADER_BARYCENTRIC_FEATURES_KHR)                                       \
  X(VkPhysicalDeviceImageViewMinLodFeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_VIEW_MIN_LOD_FEATURES_EXT)    \
  X(VkPhysicalDeviceRasterizationOrderAttachmentAccessFeaturesEXT,                                                    \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RASTERIZATION_ORDER_ATTACHMENT_ACCESS_FEATURES_EXT)                             \
  X(VkPhysicalDeviceGraphicsPipelineLibraryFeaturesEXT,                                                               \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_GRAPHICS_PIPELINE_LIBRARY_FEATURES_EXT)                                         \
  X(VkPhysicalDeviceNestedCommandBufferFeaturesEXT,                                                                   \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_NESTED_COMMAND_BUFFER_FEATURES_EXT)                                             \
  X(VkPhysicalDeviceNonSeamlessCubeMapFeaturesEXT,                                                                    \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_NON_SEAMLESS_CUBE_MAP_FEATURES_EXT)                                             \
  X(VkPhysicalDeviceAttachmentFeedbackLoopLayoutFeaturesEXT,                                                          \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ATTACHMENT_FEEDBACK_LOOP_LAYOUT_FEATURES_EXT)                                   \
  X(VkPhysicalDevicePipelineLibraryGroupHandlesFeaturesEXT,                                                           \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_LIBRARY_GROUP_HANDLES_FEATURES_EXT)                                    \
  X(VkPhysicalDeviceDynamicRenderingUnusedAttachmentsFeaturesEXT,                                                     \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DYNAMIC_RENDERING_UNUSED_ATTACHMENTS_FEATURES_EXT)                              \
  X(VkPhysicalDeviceDepthBiasControlFeaturesEXT, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DEPTH_BIAS_CONTROL_FEATURES_EXT)   \
  X(VkPhysicalDeviceRayTracingPositionFetchFeaturesKHR,                                                               \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_RAY_TRACING_POSITION_FETCH_FEATURES_KHR)                                        \
  X(VkPhysicalDeviceCooperativeMatrixFeaturesKHR, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR)  \
  X(VkPhysicalDeviceShaderMaximalReconvergenceFeaturesKHR,                                                            \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_MAXIMAL_RECONVERGENCE_FEATURES_KHR)                                      \
  X(VkPhysicalDeviceShaderQuadControlFeaturesKHR, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_QUAD_CONTROL_FEATURES_KHR) \
  X(VkPhysicalDeviceShaderReplicatedCompositesFeaturesEXT,                                                            \
    VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_REPLICATED_COMPOSITES_FEATURES_EXT)                                      \
  X(VkPhysicalDeviceDepthClampZeroOneFeaturesKHR, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DEPTH_CLAMP_ZERO_ONE_FEATURES_KHR)

namespace hesper::clients {
namespace {

// A feature structure: VkBaseOutStructure, then one VkBool32 a feature.
struct Features {
  const char* name;
  std::unique_ptr<std::byte[]> bytes;
  std::size_t size;

  [[nodiscard]] VkBaseOutStructure* base() const {
    // SAFETY: every extending structure begins like this; operator new aligns for it.
    return reinterpret_cast<VkBaseOutStructure*>(bytes.get());
  }
  [[nodiscard]] std::span<VkBool32> values() const {
    // SAFETY: all members behind the head are VkBool32, padded at the end.
    return {reinterpret_cast<VkBool32*>(bytes.get() + sizeof(VkBaseOutStructure)),
            (size - sizeof(VkBaseOutStructure)) / sizeof(VkBool32)};
  }
};

template <class Struct>
Features make_features(const char* name, VkStructureType type) {
  Features features{name, std::make_unique<std::byte[]>(sizeof(Struct)), sizeof(Struct)};
  features.base()->sType = type;
  return features;
}

std::vector<Features> all_features() {
  std::vector<Features> all;
#define MAKE(Struct, type) all.push_back(make_features<Struct>(#Struct, type));
  FOR_EACH_FEATURES(MAKE)
#undef MAKE
  return all;
}

class Everything {
 public:
  Everything();
  // extensions: those to enable. with_features: all that are offered.
  [[nodiscard]] VkResult try_device(const std::vector<const char*>& extensions, bool with_features);
  [[nodiscard]] std::vector<const char*> extensions() const;
  [[nodiscard]] std::size_t feature_count() const;
  // Tries each feature and each extension alone, and prints those that are refused.
  void find_culprits();

 private:
  Gpu gpu_;
  std::vector<VkExtensionProperties> extensions_;
  VkPhysicalDeviceFeatures2 core_{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  std::vector<Features> features_ = all_features();
};

Everything::Everything() {
  std::uint32_t count = 0;
  check(vkEnumerateDeviceExtensionProperties(gpu_.physical(), nullptr, &count, nullptr));
  extensions_.resize(count);
  check(vkEnumerateDeviceExtensionProperties(gpu_.physical(), nullptr, &count, extensions_.data()));
  void* next = nullptr;
  for (const Features& each : features_) {
    each.base()->pNext = static_cast<VkBaseOutStructure*>(next);
    next = each.base();
  }
  core_.pNext = next;
  vkGetPhysicalDeviceFeatures2(gpu_.physical(), &core_);
}

std::vector<const char*> Everything::extensions() const {
  // Of these pairs only one may be enabled.
  const auto has = [this](std::string_view name) {
    return std::ranges::any_of(extensions_, [name](const auto& each) { return name == each.extensionName; });
  };
  std::vector<const char*> names;
  for (const auto& each : extensions_) {
    if (std::string_view(each.extensionName) == "VK_EXT_buffer_device_address" && has("VK_KHR_buffer_device_address"))
      continue;
    names.push_back(each.extensionName);
  }
  return names;
}

std::size_t Everything::feature_count() const {
  std::size_t count = 0;
  for (const Features& each : features_) count += static_cast<std::size_t>(std::ranges::count(each.values(), VK_TRUE));
  return count;
}

VkResult Everything::try_device(const std::vector<const char*>& extensions, bool with_features) {
  const float priority = 1;
  const VkDeviceQueueCreateInfo queue{.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                      .queueFamilyIndex = gpu_.family(),
                                      .queueCount = 1,
                                      .pQueuePriorities = &priority};
  const VkDeviceCreateInfo info{.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                .pNext = with_features ? &core_ : nullptr,
                                .queueCreateInfoCount = 1,
                                .pQueueCreateInfos = &queue,
                                .enabledExtensionCount = static_cast<std::uint32_t>(extensions.size()),
                                .ppEnabledExtensionNames = extensions.data()};
  VkDevice device{};
  const VkResult result = vkCreateDevice(gpu_.physical(), &info, nullptr, &device);
  if (result == VK_SUCCESS) vkDestroyDevice(device, nullptr);
  return result;
}

void Everything::find_culprits() {
  const auto all = extensions();
  std::printf("all extensions, no features: %d\n", try_device(all, false));
  std::printf("all features, no extensions: %d\n", try_device({}, true));
  for (const char* name : all) {
    auto others = all;
    std::erase(others, name);
    if (try_device(others, true) == VK_SUCCESS) std::printf("without %s it can be had\n", name);
    if (const VkResult result = try_device({name}, false); result != VK_SUCCESS)
      std::printf("%s alone: %d\n", name, result);
  }
  for (const Features& each : features_) {
    const auto values = each.values();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] != VK_TRUE) continue;
      values[i] = VK_FALSE;
      if (try_device(all, true) == VK_SUCCESS) std::printf("without %s[%zu] it can be had\n", each.name, i);
      values[i] = VK_TRUE;
    }
  }
}

void everything(Arguments& arguments) {
  arguments.finish();
  Everything all;
  const VkResult result = all.try_device(all.extensions(), true);
  if (result != VK_SUCCESS) all.find_culprits();
  expect(result == VK_SUCCESS,
         std::format("A device with everything is refused (VkResult {}).", static_cast<int>(result)));
  std::printf("a device with %zu extensions and %zu features ok\n", all.extensions().size(), all.feature_count());
}

}  // namespace
}  // namespace hesper::clients

int main(int argc, char** argv) { return hesper::clients::run(argc, argv, hesper::clients::everything); }
