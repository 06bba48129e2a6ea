// ClientObjects: ids for a Filler that fills the commands of a client on the fake driver. Objects that nobody created
// appear in the client's table, and in the driver, when they are first asked for.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <utility>

#include "fake_driver.h"
#include "render/client_context.h"
#include "test_client.h"

namespace hesper::fake {

class ClientObjects {
 public:
  // Borrows all. The client has started.
  ClientObjects(FakeDriver& driver, render::test::TestClient& client, Random& random)
      : driver_(driver), client_(client), random_(random) {}

  [[nodiscard]] Filler::Objects source() {
    return {.existing = [this](VkObjectType type) { return existing(type); },
            .fresh = [this](VkObjectType) { return kFreshIds + ++last_fresh_; }};
  }

  // What a command destroyed comes back under the same id.
  [[nodiscard]] wire::ObjectId existing(VkObjectType type) {
    switch (type) {
      case VK_OBJECT_TYPE_INSTANCE: return client_.instance;
      case VK_OBJECT_TYPE_PHYSICAL_DEVICE: return client_.physical_device;
      case VK_OBJECT_TYPE_DEVICE: return client_.device;
      case VK_OBJECT_TYPE_QUEUE: return client_.queue;
      default: break;
    }
    const auto number = types_.try_emplace(type, types_.size()).first->second;
    const wire::ObjectId id = kKnownIds + number * kPerType + random_.below(kPerType);
    if (context().objects().find(id).type != VK_OBJECT_TYPE_UNKNOWN) return id;
    render::Device& device = *context().instance()->devices.front();
    // What dies with a pool, or has pages behind it, has nobody here who would destroy it.
    const bool nobodys = type == VK_OBJECT_TYPE_COMMAND_BUFFER || type == VK_OBJECT_TYPE_DESCRIPTOR_SET ||
                         type == VK_OBJECT_TYPE_DEFERRED_OPERATION_KHR || type == VK_OBJECT_TYPE_DEVICE_MEMORY;
    const std::uint64_t handle = driver_.make(type, nobodys ? 0 : std::bit_cast<std::uint64_t>(device.handle));
    nobodys_ += nobodys ? 1 : 0;
    EXPECT_EQ(context().objects().insert(
                  id, {.type = type, .owner = device.number, .handle = handle, .state = state_of(device)}),
              wire::ObjectTable::Insert::ok);
    return id;
  }

  // The ids that were given out for objects to be created: from the first to before the second.
  [[nodiscard]] std::pair<wire::ObjectId, wire::ObjectId> fresh() const noexcept {
    return {kFreshIds + 1, kFreshIds + last_fresh_ + 1};
  }
  // How many objects the driver has at most once the client has ended.
  [[nodiscard]] std::size_t nobodys() const noexcept { return nobodys_; }

 private:
  static constexpr wire::ObjectId kPerType = 3;
  static constexpr wire::ObjectId kKnownIds = 1'000;
  static constexpr wire::ObjectId kFreshIds = 1'000'000;

  [[nodiscard]] render::ClientContext& context() { return static_cast<render::ClientContext&>(*client_.context); }

  FakeDriver& driver_;
  render::test::TestClient& client_;
  Random& random_;
  std::map<VkObjectType, wire::ObjectId> types_;
  wire::ObjectId last_fresh_ = 0;
  std::size_t nobodys_ = 0;
};

}  // namespace hesper::fake
