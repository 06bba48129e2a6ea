// Round trips through the whole renderer: what a client sends is what the driver is called with, and what the driver
// answers is what the client reads, for every command with a generated handler, and for those by hand that change
// nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <format>
#include <memory>
#include <set>

#include "client_objects.h"
#include "dump.h"
#include "fake_driver.h"
#include "render/client_context.h"
#include "rounds.h"
#include "test_client.h"

namespace hesper::fake {
namespace {

constexpr std::uint64_t kRounds = 16;

class Dispatch : public testing::Test {
 protected:
  void SetUp() override { restart(); }

  // A new client on a new driver.
  void restart() {
    objects_.reset();
    client_.reset();
    driver_.reset();
    driver_ = std::make_unique<FakeDriver>();
    client_ = std::make_unique<render::test::TestClient>(
        std::make_unique<render::ClientContext>(render::ContextOptions{}, driver().loader()));
    ASSERT_TRUE(client().start());
    objects_ = std::make_unique<ClientObjects>(driver(), client(), random);
  }

  // False once a command has ended the context or its device.
  [[nodiscard]] bool usable() {
    return !client().context->fatal() && context().instance() != nullptr && !context().instance()->devices.empty();
  }

  [[nodiscard]] FakeDriver& driver() { return *driver_; }
  [[nodiscard]] render::test::TestClient& client() { return *client_; }
  [[nodiscard]] render::ClientContext& context() { return static_cast<render::ClientContext&>(*client().context); }

  // What the driver must be called with, which is known only while the objects still exist.
  [[nodiscard]] std::string expected_call(const Command& command, const void* params,
                                          const std::set<VkStructureType>& dropped) {
    return dump_request(command, params,
                        {.view = View::as_sent,
                         .translate = [this](std::uint64_t id) { return context().objects().find(id).handle; },
                         .without = dropped});
  }

  [[nodiscard]] static bool destroys_nothing(const Command& command, const void* params) {
    const auto fields = command.params.fields;
    return std::string_view(command.name).starts_with("vkDestroy") && load<std::uint64_t>(at(params, fields[1])) == 0;
  }

  // dropped: what the renderer takes out of chains.
  void round_trip(const Command& command, std::uint64_t seed, const std::set<VkStructureType>& dropped = {}) {
    random = Random(seed_for(command.name, seed));
    arena.reset();
    Zeroed params(command.params.size);
    Filler(random, arena, objects_->source()).fill_request(command, params.get());
    const std::string expected = expected_call(command, params.get(), dropped);
    const std::string ids = dump_created(command, params.get());
    wire::Encoder encoder(bytes);
    command.coding.encode_request(encoder, 1, params.get());
    ASSERT_TRUE(encoder.ok());

    driver().set_answers(random.next() | 1);
    static_cast<void>(driver().take_calls());
    ASSERT_TRUE(client().call_encoded(std::span(bytes).first(encoder.position())));
    const auto calls = driver().take_calls();
    wire::Decoder decoder(arena, nullptr);
    decoder.reset(client().reply());
    EXPECT_EQ(decoder.take<std::uint32_t>(), command.number);
    command.coding.decode_reply(decoder, params.get());
    ASSERT_TRUE(decoder.ok()) << wire::describe(decoder.error().code);
    if (destroys_nothing(command, params.get())) {
      EXPECT_THAT(calls, testing::IsEmpty());
      return;
    }

    ASSERT_EQ(calls.size(), 1u);
    EXPECT_STREQ(calls[0].command->name, command.name);
    expect_equal(expected, calls[0].arguments);
    expect_equal(calls[0].answer, dump_reply(command, params.get(), false));
    EXPECT_EQ(ids, dump_created(command, params.get())) << "The client reads other ids than it chose.";
  }

  [[nodiscard]] static std::string dump_created(const Command& command, const void* params) {
    std::string ids;
    for (const Field& field : command.params.fields) {
      if (!field.output || field.kind != Kind::handle) continue;
      const auto* first = load<const std::byte*>(at(params, field));
      if (first != nullptr) ids += std::format("{:#x} ", load<std::uint64_t>(first));
    }
    return ids;
  }

  std::unique_ptr<FakeDriver> driver_;
  std::unique_ptr<render::test::TestClient> client_;
  std::unique_ptr<ClientObjects> objects_;
  Random random{0};
  Arena arena{kMostBytes};
  std::vector<std::byte> bytes = std::vector<std::byte>(kMostBytes);
};

TEST_F(Dispatch, EveryGeneratedCommandReachesTheDriverAndComesBack) {
  std::size_t commands = 0;
  for (const Command* command : all_commands()) {
    if (!command->on_wire || command->by_hand) continue;
    ++commands;
    for (std::uint64_t seed = first_seed(); seed <= last_seed(kRounds); ++seed) {
      SCOPED_TRACE(std::format("{}, seed {}", command->name, seed));
      round_trip(*command, seed);
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(commands, 200u);
  client().context.reset();
  EXPECT_THAT(driver().violations(), testing::IsEmpty());
}

// By hand, but what the client says is what the driver is told, except for external memory and sync files, which
// this host does not have.
struct PassedOn {
  const char* name;
  std::set<VkStructureType> dropped{};
};
const PassedOn kPassedOn[] = {
    {.name = "vkBindBufferMemory"},
    {.name = "vkBindBufferMemory2"},
    {.name = "vkBindImageMemory"},
    {.name = "vkBindImageMemory2"},
    {.name = "vkQueueSubmit"},
    {.name = "vkQueueSubmit2"},
    {.name = "vkQueueBindSparse"},
    {.name = "vkCreateFence", .dropped = {VK_STRUCTURE_TYPE_EXPORT_FENCE_CREATE_INFO}},
    {.name = "vkCreateSemaphore", .dropped = {VK_STRUCTURE_TYPE_EXPORT_SEMAPHORE_CREATE_INFO}},
    {.name = "vkDestroySemaphore"},
    {.name = "vkCreateBuffer", .dropped = {VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO}},
    {.name = "vkCreateImage", .dropped = {VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO}},
    {.name = "vkDestroyImage"},
    {.name = "vkGetDeviceBufferMemoryRequirements", .dropped = {VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO}},
    {.name = "vkGetDeviceImageMemoryRequirements", .dropped = {VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO}},
    {.name = "vkGetDeviceImageSubresourceLayout", .dropped = {VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO}},
    {.name = "vkGetImageMemoryRequirements"},
    {.name = "vkGetImageMemoryRequirements2"},
    {.name = "vkGetImageSubresourceLayout"},
    {.name = "vkGetImageSubresourceLayout2"},
    {.name = "vkGetImageDrmFormatModifierPropertiesEXT"},
    {.name = "vkGetPhysicalDeviceFormatProperties2"},
    {.name = "vkDestroyCommandPool"},
    {.name = "vkDestroyDescriptorPool"},
    {.name = "vkResetDescriptorPool"},
    {.name = "vkAllocateCommandBuffers"},
    {.name = "vkAllocateDescriptorSets"},
    {.name = "vkCreateGraphicsPipelines"},
    {.name = "vkCreateComputePipelines"},
};

TEST_F(Dispatch, CommandsByHandThatChangeNothingReachTheDriverAndComeBack) {
  for (const PassedOn& passed_on : kPassedOn) {
    const Command* command = find_command(passed_on.name);
    ASSERT_NE(command, nullptr) << passed_on.name;
    ASSERT_TRUE(command->by_hand) << passed_on.name;
    for (std::uint64_t seed = first_seed(); seed <= last_seed(kRounds); ++seed) {
      SCOPED_TRACE(std::format("{}, seed {}", command->name, seed));
      round_trip(*command, seed, passed_on.dropped);
      if (HasFailure()) return;
    }
  }
  client().context.reset();
  EXPECT_THAT(driver().violations(), testing::IsEmpty());
}

// The others have tests of their own; here they see what nobody would send. The context may become fatal, and only
// that.
TEST_F(Dispatch, CommandsByHandSurviveAnyContents) {
  for (const Command* command : all_commands()) {
    if (!command->by_hand) continue;
    for (std::uint64_t seed = first_seed(); seed <= last_seed(kRounds); ++seed) {
      SCOPED_TRACE(std::format("{}, seed {}", command->name, seed));
      if (!usable()) {
        ASSERT_NO_FATAL_FAILURE(restart());
      }
      random = Random(seed_for(command->name, seed));
      arena.reset();
      Zeroed params(command->params.size);
      Filler(random, arena, objects_->source()).fill_request(*command, params.get());
      wire::Encoder encoder(bytes);
      command->coding.encode_request(encoder, 1, params.get());
      ASSERT_TRUE(encoder.ok());
      const bool answered = client().call_encoded(std::span(bytes).first(encoder.position()));
      EXPECT_EQ(answered, !client().context->fatal());
      EXPECT_THAT(driver().violations(), testing::IsEmpty());
      if (HasFailure()) return;
    }
  }
  client().context.reset();
  EXPECT_THAT(driver().violations(), testing::IsEmpty());
}

}  // namespace
}  // namespace hesper::fake
