// A driver whose calls fail one by one: every command that can fail is refused once with each error that vk.xml lists
// for it. The client gets that very result, its context lives on, ids of objects that were not made are tombstones
// whose use reaches no driver, and nothing is left in the driver. Likewise functions that the driver does not have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <format>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client_objects.h"
#include "fake_driver.h"
#include "render/client_context.h"
#include "rounds.h"
#include "test_client.h"
#include "tests/reflection_gen.h"

namespace hesper::fake {
namespace {

using testing::IsEmpty;

constexpr std::uint64_t kSeeds = 40;  // within these, some contents of every command reach the driver

struct World;
void make_sensible(World& world, const Command& command, void* params);

// One client on a driver of its own.
struct World {
  World() : World([](FakeDriver&) {}) {}
  template <class Prepare>
  explicit World(Prepare prepare) {
    prepare(driver);
    client = std::make_unique<render::test::TestClient>(
        std::make_unique<render::ClientContext>(render::ContextOptions{}, driver.loader()));
    started = client->start();
    objects = std::make_unique<ClientObjects>(driver, *client, random);
  }

  [[nodiscard]] render::ClientContext& context() { return static_cast<render::ClientContext&>(*client->context); }
  [[nodiscard]] bool alive() {
    wire::vkGetPhysicalDeviceProperties_args ask;
    ask.physicalDevice.id = client->physical_device;
    VkPhysicalDeviceProperties properties{};
    ask.pProperties = &properties;
    return !client->context->fatal() && client->call(ask);
  }

  // The encoded command, with contents that depend on the seed.
  std::vector<std::byte> request(const Command& command, std::uint64_t seed, bool with_reply) {
    random = Random(seed_for(command.name, seed));
    arena.reset();
    params = Zeroed(command.params.size);
    Filler(random, arena, objects->source()).fill_request(command, params.get());
    make_sensible(*this, command, params.get());
    return encode(command, params.get(), with_reply);
  }
  static std::vector<std::byte> encode(const Command& command, const void* filled, bool with_reply) {
    std::vector<std::byte> bytes(kMostBytes);
    wire::Encoder encoder(bytes);
    command.coding.encode_request(encoder, with_reply ? 1 : 0, filled);
    EXPECT_TRUE(encoder.ok());
    bytes.resize(encoder.position());
    return bytes;
  }

  // Of the last request, whose reply has come.
  VkResult result(const Command& command) {
    wire::Decoder decoder(arena, nullptr);
    decoder.reset(client->reply());
    EXPECT_EQ(decoder.take<std::uint32_t>(), command.number);
    command.coding.decode_reply(decoder, params.get());
    EXPECT_TRUE(decoder.ok()) << wire::describe(decoder.error().code);
    return command.result(params.get());
  }

  // The client leaves; what it left behind in the driver, but for what nobody here would have destroyed.
  void end() {
    client->context.reset();
    EXPECT_THAT(driver.violations(), IsEmpty());
    EXPECT_LE(driver.live_objects(), objects->nobodys()) << "Objects are left behind.";
  }

  FakeDriver driver{{.record = false}};
  std::unique_ptr<render::test::TestClient> client;
  bool started = false;
  Random random{0};
  std::unique_ptr<ClientObjects> objects;
  Arena arena{kMostBytes};
  Zeroed params{0};
};

// Changes what the renderer would refuse itself.
void make_sensible(World& world, const Command& command, void* params) {
  const std::string_view name = command.name;
  const auto context_device = [&] -> render::Device& { return *world.context().instance()->devices.front(); };
  const auto handle_of = [&](auto id) {
    return world.context().objects().find(std::bit_cast<wire::ObjectId>(id)).handle;
  };
  constexpr VkImageSubresourceLayers kLayers{.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .layerCount = 1};
  constexpr std::size_t kTexel = 4;  // bytes
  const auto make_host_image = [&](VkImage id) {
    context_device().host_images[std::bit_cast<VkImage>(handle_of(id))] = {
        .format = VK_FORMAT_R8G8B8A8_UNORM, .extent = {1, 1, 1}, .mip_levels = 1, .array_layers = 1};
  };
  if (name == "vkWaitForFences") {
    static_cast<vkWaitForFences_params*>(params)->timeout = 0;
  } else if (name == "vkWaitSemaphores") {
    static_cast<vkWaitSemaphores_params*>(params)->timeout = 0;
  } else if (name == "vkSetPrivateData") {
    auto& p = *static_cast<vkSetPrivateData_params*>(params);
    p.objectType = VK_OBJECT_TYPE_SAMPLER;
    p.objectHandle = world.objects->existing(VK_OBJECT_TYPE_SAMPLER);
  } else if (name == "vkGetPrivateData") {
    auto& p = *static_cast<vkGetPrivateData_params*>(params);
    p.objectType = VK_OBJECT_TYPE_SAMPLER;
    p.objectHandle = world.objects->existing(VK_OBJECT_TYPE_SAMPLER);
  } else if (name == "vkGetQueryPoolResults") {
    auto& p = *static_cast<vkGetQueryPoolResults_params*>(params);
    p.firstQuery = 0;
    p.queryCount = 0;
    context_device().query_pools[std::bit_cast<VkQueryPool>(handle_of(p.queryPool))] = {.queries = 1, .values = 1};
  } else if (name == "vkCopyImageToMemoryMESA") {
    auto& p = *static_cast<vkCopyImageToMemoryMESA_params*>(params);
    auto& info = *const_cast<VkCopyImageToMemoryInfoMESA*>(p.pCopyImageToMemoryInfo);
    info = {.sType = info.sType,
            .srcImage = info.srcImage,
            .imageSubresource = kLayers,
            .imageExtent = {.width = 1, .height = 1, .depth = 1}};
    make_host_image(info.srcImage);
    p.dataSize = kTexel;
    p.pData = world.arena.allocate(kTexel);
  } else if (name == "vkCopyMemoryToImageMESA") {
    auto& p = *static_cast<vkCopyMemoryToImageMESA_params*>(params);
    auto& info = *const_cast<VkCopyMemoryToImageInfoMESA*>(p.pCopyMemoryToImageInfo);
    auto* region = new (world.arena.allocate(sizeof(VkMemoryToImageCopyMESA)))
        VkMemoryToImageCopyMESA{.sType = VK_STRUCTURE_TYPE_MEMORY_TO_IMAGE_COPY_MESA,
                                .dataSize = kTexel,
                                .pData = world.arena.allocate(kTexel),
                                .imageSubresource = kLayers,
                                .imageExtent = {.width = 1, .height = 1, .depth = 1}};
    info = {.sType = info.sType, .dstImage = info.dstImage, .regionCount = 1, .pRegions = region};
    make_host_image(info.dstImage);
  }
}

// The host's function behind a command.
const Command& host_function(const Command& command) {
  const std::string_view name = command.name;
  if (name == "vkCopyImageToMemoryMESA") return *find_command("vkCopyImageToMemory");
  if (name == "vkCopyMemoryToImageMESA") return *find_command("vkCopyMemoryToImage");
  return command;
}

// Commands that need no host function, or not one with a result; and those of a client's start, which comes further
// down.
const std::set<std::string_view> kElsewhere = {
    "vkCreateInstance",
    "vkEnumeratePhysicalDevices",
    "vkCreateDevice",
    "vkEnumerateInstanceExtensionProperties",  // the protocol's own
    "vkEnumerateDeviceExtensionProperties",    // known from the start
    "vkFreeDescriptorSets",                    // cannot fail
    "vkGetMemoryResourcePropertiesMESA",       // of shared memory, which is ours
};

std::vector<const Command*> commands_with_results() {
  std::vector<const Command*> all;
  for (const Command* command : all_commands()) {
    if (command->on_wire && command->returns_result && !kElsewhere.contains(command->name)) all.push_back(command);
  }
  return all;
}

// A seed whose contents make the command reach the driver; 0: there is none.
std::uint64_t seed_that_reaches(const Command& command) {
  const std::string_view function = host_function(command).name;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    World world;
    EXPECT_TRUE(world.started);
    const auto bytes = world.request(command, seed, true);
    const std::size_t before = world.driver.count(function);
    if (world.client->call_encoded(bytes) && world.driver.count(function) > before) return seed;
  }
  return 0;
}

std::vector<VkResult> errors_of(const Command& command) {
  const auto listed = host_function(command).errors;
  std::vector<VkResult> errors(listed.begin(), listed.end());
  errors.push_back(VK_ERROR_UNKNOWN);  // which any may return
  return errors;
}

// The command that ends an object of this type: vkDestroyBuffer, vkFreeCommandBuffers; nullptr: none does.
const Command* command_that_ends(VkObjectType type) {
  for (const Command* command : all_commands()) {
    const std::string_view name = command->name;
    if (!command->on_wire || (!name.starts_with("vkDestroy") && !name.starts_with("vkFree"))) continue;
    for (const Field& field : command->params.fields.subspan(1)) {
      const bool pool = name.starts_with("vkFree") && name.ends_with("s") && field.shape == Shape::value;
      if (field.kind == Kind::handle && field.object_type == type && !pool) return command;
    }
  }
  return nullptr;
}

// The client gives back an object that it does not have. The driver hears nothing of it.
void end_tombstone(World& world, wire::ObjectId id) {
  const VkObjectType type = world.context().objects().find(id).type;
  const Command* command = command_that_ends(type);
  ASSERT_NE(command, nullptr) << "VkObjectType " << static_cast<int>(type);
  Zeroed params(command->params.size);
  for (const Field& field : command->params.fields) {
    std::byte* where = at(params.get(), field);
    if (field.kind == Kind::handle && field.object_type == type) {
      if (field.shape == Shape::value) {
        store(where, id);
      } else {
        store(where, static_cast<const wire::ObjectId*>(&id));
      }
    } else if (field.kind == Kind::handle) {
      store(where, world.objects->existing(field.object_type));
    } else if (field.role == Role::count) {
      store(where, std::uint32_t{1});
    }
  }
  const std::size_t before = world.driver.count(command->name);
  EXPECT_TRUE(world.client->context->submit(World::encode(*command, params.get(), false))) << command->name;
  EXPECT_EQ(world.driver.count(command->name), before) << command->name << " of a tombstone reaches the driver.";
  EXPECT_EQ(world.context().objects().find(id).type, VK_OBJECT_TYPE_UNKNOWN);
}

// The command is sent to a driver that refuses it.
void refuse_once(const Command& command, std::uint64_t seed, VkResult error, bool with_reply) {
  SCOPED_TRACE(std::format("{}, VkResult {}, seed {}, {} reply", command.name, static_cast<int>(error), seed,
                           with_reply ? "with" : "without"));
  World world;
  ASSERT_TRUE(world.started);
  const std::string_view function = host_function(command).name;
  const auto bytes = world.request(command, seed, with_reply);
  world.driver.fail(function, 1, error);
  const std::size_t before = world.driver.count(function);
  if (with_reply) {
    ASSERT_TRUE(world.client->call_encoded(bytes)) << "The context is lost.";
    EXPECT_EQ(world.result(command), error);
  } else {
    // A device that is lost is the one error that must not stay unread.
    ASSERT_EQ(world.client->context->submit(bytes), error != VK_ERROR_DEVICE_LOST);
  }
  EXPECT_EQ(world.driver.count(function), before + 1);
  const auto [first, end] = world.objects->fresh();
  for (wire::ObjectId id = first; id < end; ++id) {
    const wire::Object object = world.context().objects().find(id);
    EXPECT_TRUE(object.type == VK_OBJECT_TYPE_UNKNOWN || object.tombstone) << "Id " << id << " names an object.";
    EXPECT_EQ(object.handle, 0u);
    if (object.tombstone && !world.client->context->fatal()) end_tombstone(world, id);
  }
  EXPECT_EQ(world.alive(), with_reply || error != VK_ERROR_DEVICE_LOST);
  world.end();
}

TEST(FailingDriver, EveryRefusalReachesTheClientWhoseContextLivesOn) {
  for (const Command* command : commands_with_results()) {
    const std::uint64_t seed = seed_that_reaches(*command);
    ASSERT_NE(seed, 0u) << command->name << " never reaches the driver.";
    for (const VkResult error : errors_of(*command)) {
      refuse_once(*command, seed, error, true);
      refuse_once(*command, seed, error, false);
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(FailingDriver, EverySuccessCodeReachesTheClient) {
  std::size_t codes = 0;
  for (const Command* command : commands_with_results()) {
    for (const VkResult code : host_function(*command).successes) {
      if (code == VK_SUCCESS) continue;
      ++codes;
      const std::uint64_t seed = seed_that_reaches(*command);
      SCOPED_TRACE(std::format("{}, VkResult {}, seed {}", command->name, static_cast<int>(code), seed));
      World world;
      ASSERT_TRUE(world.started);
      const auto bytes = world.request(*command, seed, true);
      world.driver.answer_with(code, host_function(*command).name);
      ASSERT_TRUE(world.client->call_encoded(bytes)) << "The context is lost.";
      EXPECT_EQ(world.result(*command), code);
      const auto [first, end] = world.objects->fresh();
      for (wire::ObjectId id = first; id < end; ++id) {
        EXPECT_NE(world.context().objects().find(id).handle, 0u) << "Id " << id << " names no object.";
      }
      EXPECT_TRUE(world.alive());
      world.end();
      if (testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(codes, 10u);
}

// Pipelines are made several at once, and some may be missing whatever the result.
TEST(FailingDriver, SomeOfSeveralPipelinesMayBeMissing) {
  constexpr std::size_t kMade = 1;
  for (const char* name : {"vkCreateGraphicsPipelines", "vkCreateComputePipelines", "vkCreateRayTracingPipelinesKHR"}) {
    const Command& command = *find_command(name);
    std::vector<VkResult> results = errors_of(command);
    results.insert(results.end(), command.successes.begin(), command.successes.end());
    // Contents with more than one pipeline.
    std::uint64_t seed = 1;
    for (std::size_t pipelines = 0; pipelines <= kMade; ++seed) {
      World world;
      ASSERT_TRUE(world.started);
      static_cast<void>(world.request(command, seed + 1, true));
      const auto [first, end] = world.objects->fresh();
      pipelines = end - first;
    }
    for (const VkResult result : results) {
      for (const bool with_reply : {true, false}) {
        SCOPED_TRACE(std::format("{}, VkResult {}, seed {}, {} reply", name, static_cast<int>(result), seed,
                                 with_reply ? "with" : "without"));
        World world;
        ASSERT_TRUE(world.started);
        const auto bytes = world.request(command, seed, with_reply);
        const auto [first, end] = world.objects->fresh();
        world.driver.answer_with(result, name, 1, kMade);
        if (with_reply) {
          ASSERT_TRUE(world.client->call_encoded(bytes));
          EXPECT_EQ(world.result(command), result);
        } else {
          ASSERT_TRUE(world.client->context->submit(bytes));
        }
        EXPECT_NE(world.context().objects().find(first).handle, 0u);
        for (wire::ObjectId id = first + kMade; id < end; ++id) {
          const wire::Object object = world.context().objects().find(id);
          EXPECT_EQ(object.handle, 0u);
          EXPECT_EQ(object.tombstone, !with_reply);  // who reads the reply knows that there is nothing
          if (object.tombstone) end_tombstone(world, id);
        }
        EXPECT_TRUE(world.alive());
        world.end();
        if (HasFailure()) return;
      }
    }
  }
}

// The way from the instance to a bound queue: each call of the driver on it fails once, and what was made until then is
// given back.
TEST(FailingDriver, EachCallOfAStartMayFail) {
  std::map<std::string, std::size_t, std::less<>> calls;
  {
    World world(
        [&](FakeDriver& driver) { driver.before_call([&](const Command& command) { ++calls[command.name]; }); });
    ASSERT_TRUE(world.started);
  }
  std::size_t failed = 0;
  for (const auto& [name, count] : calls) {
    const Command& command = *find_command(name);
    if (!command.returns_result) continue;
    for (const VkResult error : errors_of(command)) {
      for (std::size_t k = 1; k <= count; ++k) {
        SCOPED_TRACE(std::format("call {} of {}, VkResult {}", k, name, static_cast<int>(error)));
        World world([&](FakeDriver& driver) { driver.fail(name, k, error); });
        EXPECT_FALSE(world.client->context->fatal());
        world.end();
        ++failed;
        if (HasFailure()) return;
      }
    }
  }
  EXPECT_GT(failed, 50u);
}

// ---- Functions that the driver does not have ----

TEST(FailingDriver, ACommandWithoutItsFunctionEndsTheContextAlone) {
  std::size_t commands = 0;
  for (const Command* command : all_commands()) {
    const Command& function = host_function(*command);
    if (!command->on_wire || function.venus || function.always_there) continue;
    ++commands;
    SCOPED_TRACE(command->name);
    const std::uint64_t seed = seed_that_reaches(*command);
    ASSERT_NE(seed, 0u);
    World world([&](FakeDriver& driver) { driver.hide(function.name); });
    ASSERT_TRUE(world.started);
    const auto bytes = world.request(*command, seed, false);
    EXPECT_FALSE(world.client->context->submit(bytes));
    EXPECT_TRUE(world.client->context->fatal());
    if (!std::string_view(function.name).starts_with("vkDestroy")) world.end();  // otherwise objects stay
    if (HasFailure()) return;
  }
  EXPECT_GT(commands, 100u);
}

// What the renderer calls on its own account.
TEST(FailingDriver, ARendererWithoutAFunctionSurvivesAnyCommand) {
  for (const Command* function : all_commands()) {
    if (function->on_wire || function->always_there) continue;
    for (const Command* command : all_commands()) {
      if (!command->by_hand) continue;
      SCOPED_TRACE(std::format("{} without {}", command->name, function->name));
      World world([&](FakeDriver& driver) { driver.hide(function->name); });
      if (world.started) static_cast<void>(world.client->context->submit(world.request(*command, 1, false)));
      world.client->context.reset();
      EXPECT_THAT(world.driver.violations(), IsEmpty());
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace hesper::fake
