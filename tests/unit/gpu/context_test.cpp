// Contexts and fences: book-keeping, submissions, the order of timelines, and contexts that die.
#include <gtest/gtest.h>

#include "gpu/complaints.h"
#include "test_device.h"

namespace hesper::gpu {
namespace {

using namespace test;

class ContextTest : public testing::Test {
 protected:
  HostRecord& host() { return test.host.record; }
  void create(std::uint32_t id) { ASSERT_EQ(test.create_context(id)->type(), kOk); }
  TestDevice test;
};

TEST_F(ContextTest, CapsetsAreListedAndFilled) {
  const auto info =
      test.send(VIRTIO_GPU_CMD_GET_CAPSET_INFO, virtio_gpu_get_capset_info{})->as<virtio_gpu_resp_capset_info>();
  EXPECT_EQ(info.hdr.type, VIRTIO_GPU_RESP_OK_CAPSET_INFO);
  EXPECT_EQ(info.capset_id, VIRTIO_GPU_CAPSET_VENUS);
  EXPECT_EQ(info.capset_max_version, 0u);
  EXPECT_EQ(info.capset_max_size, FakeHost::kCapsetSize);
  EXPECT_EQ(test.send(VIRTIO_GPU_CMD_GET_CAPSET_INFO, virtio_gpu_get_capset_info{.capset_index = 1})->type(), kInvalid);
  // The guest has room for exactly the size that it was told.
  const auto capset = test.send(VIRTIO_GPU_CMD_GET_CAPSET, virtio_gpu_get_capset{.capset_id = 4});
  EXPECT_EQ(capset->type(), VIRTIO_GPU_RESP_OK_CAPSET);
  ASSERT_EQ(capset->bytes.size(), 24 + FakeHost::kCapsetSize);
  EXPECT_EQ(capset->bytes[24 + 159], std::byte{159});
  EXPECT_EQ(test.send(VIRTIO_GPU_CMD_GET_CAPSET, virtio_gpu_get_capset{.capset_id = 4, .capset_version = 1})->type(),
            kInvalid);
  EXPECT_EQ(test.send(VIRTIO_GPU_CMD_GET_CAPSET, virtio_gpu_get_capset{.capset_id = 1})->type(), kInvalid);
}

TEST_F(ContextTest, IdsAndCapsetsAreChecked) {
  EXPECT_EQ(test.create_context(0)->type(), kNoContext);
  EXPECT_EQ(test.create_context(1, 4)->type(), kOk);
  EXPECT_EQ(test.create_context(1, 4)->type(), kNoContext);
  EXPECT_EQ(test.create_context(2, 1)->type(), kInvalid);
  EXPECT_EQ(test.create_context(2, 0x104)->type(), kInvalid);
  EXPECT_EQ(test.create_context(2, 0x80000004)->type(), kInvalid);
  EXPECT_EQ(test.destroy_context(2)->type(), kNoContext);
  EXPECT_EQ(test.destroy_context(1)->type(), kOk);
  EXPECT_TRUE(host().contexts.empty());
  EXPECT_EQ(test.destroy_context(1)->type(), kNoContext);
}

TEST_F(ContextTest, BeforeContextInitTheFieldIsPadding) {
  test.device->set_features(VIRTIO_GPU_F_VIRGL);
  EXPECT_EQ(test.create_context(1, 0xffffffff)->type(), kOk);
  EXPECT_TRUE(host().contexts.empty());
  // And so is ring_idx: the fence is on the global timeline.
  const auto got = test.submit_fenced({.id = 5, .context = 1, .ring_idx = 200}, 0);
  EXPECT_EQ(got->type(), kOk);
  EXPECT_EQ(got->header().flags, VIRTIO_GPU_FLAG_FENCE);
}

TEST_F(ContextTest, NamesAreClampedAndMadePrintable) {
  create(1);
  ASSERT_EQ(test.create_context(2, 4, std::string(64, 'x'))->type(), kOk);
  virtio_gpu_ctx_create command{.hdr = {.ctx_id = 3}, .nlen = 0xffffffff, .context_init = 4};
  command.debug_name.fill('y');
  command.debug_name[1] = '\n';
  command.debug_name[5] = '\0';
  ASSERT_EQ(test.send(VIRTIO_GPU_CMD_CTX_CREATE, command)->type(), kOk);
  EXPECT_EQ(host().names, (std::vector<std::string>{"test", std::string(64, 'x'), "y?yyy"}));
}

TEST_F(ContextTest, AreBounded) {
  TestDevice two({.max_contexts = 2});
  EXPECT_EQ(two.create_context(1)->type(), kOk);
  EXPECT_EQ(two.create_context(0xffffffff, 0)->type(), kOk);
  EXPECT_EQ(two.create_context(3)->type(), kOutOfMemory);
  EXPECT_EQ(two.destroy_context(1)->type(), kOk);
  EXPECT_EQ(two.create_context(3)->type(), kOk);
}

TEST_F(ContextTest, WhatTheHostRefusesDoesNotExist) {
  host().refusal = "There are too many workers.";
  EXPECT_EQ(test.create_context(1)->type(), kOutOfMemory);
  host().refusal.clear();
  EXPECT_EQ(test.submit(1, 8)->type(), kNoContext);
  EXPECT_EQ(test.create_context(1)->type(), kOk);
}

TEST_F(ContextTest, WithoutACapsetThereIsNobodyToSubmitTo) {
  ASSERT_EQ(test.create_context(1, 0)->type(), kOk);
  EXPECT_TRUE(host().contexts.empty());
  EXPECT_EQ(test.submit(1, 0)->type(), kOk);
  EXPECT_EQ(test.submit_fenced({.id = 1, .context = 1}, 0)->type(), kOk);
  EXPECT_EQ(test.submit_fenced({.id = 2, .context = 1, .ring_idx = 1}, 0)->type(), kOk);
  EXPECT_EQ(test.submit(1, 8)->type(), kUnspec);
  EXPECT_EQ(test.create_blob(1, 4096, 1)->type(), kUnspec);
}

TEST_F(ContextTest, AttachmentsComeTwiceAndGoOnce) {
  create(1);
  ASSERT_EQ(test.create_2d(7, 4, 4)->type(), kOk);
  const auto attach = [&](std::uint32_t id, std::uint32_t context) {
    return test.on_resource(VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, id, context)->type();
  };
  const auto detach = [&](std::uint32_t id, std::uint32_t context) {
    return test.on_resource(VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, id, context)->type();
  };
  EXPECT_EQ(detach(7, 1), kOk);
  EXPECT_EQ(attach(7, 1), kOk);
  EXPECT_EQ(attach(7, 1), kOk);
  EXPECT_EQ(host().attached.size(), 1u);
  EXPECT_EQ(detach(7, 1), kOk);
  EXPECT_TRUE(host().attached.empty());
  EXPECT_EQ(detach(7, 1), kOk);
  EXPECT_EQ(attach(8, 1), kNoResource);
  EXPECT_EQ(attach(7, 2), kNoContext);
  EXPECT_EQ(detach(8, 1), kNoResource);
  EXPECT_EQ(detach(7, 2), kNoContext);
  // The end of a resource ends it everywhere.
  create(2);
  EXPECT_EQ(attach(7, 1), kOk);
  EXPECT_EQ(attach(7, 2), kOk);
  EXPECT_EQ(test.on_resource(VIRTIO_GPU_CMD_RESOURCE_UNREF, 7)->type(), kOk);
  EXPECT_TRUE(host().attached.empty());
  EXPECT_EQ(test.device->counts().host_memory, 0u);
}

TEST_F(ContextTest, AttachmentsAreBounded) {
  TestDevice small({.max_host_memory = 4 + 2 * 64});
  ASSERT_EQ(small.create_2d(1, 1, 1)->type(), kOk);
  for (std::uint32_t id = 1; id <= 3; ++id) ASSERT_EQ(small.create_context(id)->type(), kOk);
  EXPECT_EQ(small.on_resource(VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 1, 1)->type(), kOk);
  EXPECT_EQ(small.on_resource(VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 1, 2)->type(), kOk);
  EXPECT_EQ(small.on_resource(VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 1, 3)->type(), kOutOfMemory);
  EXPECT_EQ(small.destroy_context(1)->type(), kOk);
  EXPECT_EQ(small.on_resource(VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 1, 3)->type(), kOk);
}

TEST_F(ContextTest, SubmissionsAreHandedOverWhole) {
  create(1);
  const std::array<std::byte, 13> odd{std::byte{1}, std::byte{2}};  // 13 is what a guest did send
  EXPECT_EQ(test.send(VIRTIO_GPU_CMD_SUBMIT_3D, virtio_gpu_cmd_submit{.hdr = {.ctx_id = 1}, .size = 13}, odd)->type(),
            kOk);
  ASSERT_EQ(host().submissions.size(), 1u);
  EXPECT_TRUE(std::ranges::equal(host().submissions[0].second, odd));
  // Of what is there, what was announced.
  EXPECT_EQ(test.send(VIRTIO_GPU_CMD_SUBMIT_3D, virtio_gpu_cmd_submit{.hdr = {.ctx_id = 1}, .size = 4}, odd)->type(),
            kOk);
  EXPECT_EQ(host().submissions[1].second.size(), 4u);
  EXPECT_EQ(test.send(VIRTIO_GPU_CMD_SUBMIT_3D, virtio_gpu_cmd_submit{.hdr = {.ctx_id = 1}, .size = 14}, odd)->type(),
            kInvalid);
  EXPECT_EQ(
      test.send(VIRTIO_GPU_CMD_SUBMIT_3D, virtio_gpu_cmd_submit{.hdr = {.ctx_id = 1}, .size = 0xffffffff}, odd)->type(),
      kInvalid);
  EXPECT_EQ(test.submit(2, 8)->type(), kNoContext);
  EXPECT_EQ(test.submit(1, 0)->type(), kOk);
  EXPECT_EQ(host().submissions.size(), 2u);
}

TEST_F(ContextTest, SubmissionsAreBounded) {
  TestDevice small({.max_submit_size = 100});
  ASSERT_EQ(small.create_context(1)->type(), kOk);
  EXPECT_EQ(small.submit(1, 100)->type(), kOk);
  EXPECT_EQ(small.submit(1, 101)->type(), kOutOfMemory);
}

TEST_F(ContextTest, Classic3dIsRefused) {
  create(1);
  for (const std::uint32_t type :
       {VIRTIO_GPU_CMD_RESOURCE_CREATE_3D, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D})
    EXPECT_EQ(test.send(type, virtio_gpu_transfer_host_3d{.hdr = {.ctx_id = 1}})->type(), kUnspec);
}

class FenceTest : public ContextTest {
 protected:
  FenceTest() {
    create(1);
    create(2);
  }
};

TEST_F(FenceTest, ATimelineEndsInOrder) {
  const auto first = test.submit_fenced({.id = 10, .context = 1, .ring_idx = 1});
  const auto second = test.submit_fenced({.id = 12, .context = 1, .ring_idx = 1});
  const auto third = test.submit_fenced({.id = 15, .context = 1, .ring_idx = 1});
  ASSERT_EQ(host().fences.size(), 3u);
  test.device->fence_reached(host().fences[1].cookie);
  test.device->fence_reached(host().fences[2].cookie);
  EXPECT_FALSE(first->came || second->came || third->came);
  test.device->fence_reached(host().fences[0].cookie);
  EXPECT_LT(first->position, second->position);
  EXPECT_LT(second->position, third->position);
  EXPECT_EQ(third->header().fence_id, 15u);
  EXPECT_EQ(third->header().ctx_id, 1u);
  EXPECT_EQ(third->header().ring_idx, 1u);
  EXPECT_EQ(third->header().flags, VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX);
}

TEST_F(FenceTest, TimelinesDoNotWaitForOneAnother) {
  const auto stuck = test.submit_fenced({.id = 1, .context = 1, .ring_idx = 1});
  const auto other_ring = test.submit_fenced({.id = 2, .context = 1, .ring_idx = 2});
  const auto other_context = test.submit_fenced({.id = 3, .context = 2, .ring_idx = 1});
  const auto global = test.send_fenced(VIRTIO_GPU_CMD_GET_DISPLAY_INFO, virtio_gpu_ctx_destroy{}, {.id = 4});
  EXPECT_TRUE(global->came);
  test.reach(2, 1);
  EXPECT_TRUE(other_context->came);
  EXPECT_FALSE(other_ring->came);
  test.reach(1, 2);
  EXPECT_TRUE(other_ring->came);
  EXPECT_FALSE(stuck->came);
}

TEST_F(FenceTest, CommandsGoOnWhileAFenceIsOpen) {
  const auto open = test.submit_fenced({.id = 1, .context = 1, .ring_idx = 1});
  EXPECT_EQ(test.submit(1, 8)->type(), kOk);
  EXPECT_EQ(test.create_2d(1, 4, 4)->type(), kOk);
  EXPECT_EQ(host().submissions.size(), 2u);
  EXPECT_FALSE(open->came);
}

// The guest takes a fence for the end of all before it, so an error must wait for them too.
TEST_F(FenceTest, AnErrorKeepsItsPlace) {
  const auto first = test.submit_fenced({.id = 1, .context = 1, .ring_idx = 1});
  const auto bad = test.send_fenced(VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, virtio_gpu_resource_command{.resource_id = 99},
                                    {.id = 2, .context = 1, .ring_idx = 1});
  EXPECT_FALSE(bad->came);
  test.reach(1, 1);
  EXPECT_EQ(first->type(), kOk);
  EXPECT_EQ(bad->type(), kNoResource);
  EXPECT_LT(first->position, bad->position);
}

// Work that was submitted without a fence counts too.
TEST_F(FenceTest, AnEmptySubmissionIsAFenceForTheWorkBeforeIt) {
  ASSERT_EQ(test.submit(1, 8)->type(), kOk);
  const auto fence = test.submit_fenced({.id = 1, .context = 1, .ring_idx = 3}, 0);
  EXPECT_EQ(host().submissions.size(), 1u);
  EXPECT_FALSE(fence->came);
  test.reach(1, 3);
  EXPECT_EQ(fence->type(), kOk);
}

TEST_F(FenceTest, WithoutARingTheWorkMustBeConsumed) {
  const auto submit = test.submit_fenced({.id = 1, .context = 1});
  const auto upload = test.send_fenced(VIRTIO_GPU_CMD_GET_DISPLAY_INFO, virtio_gpu_ctx_destroy{}, {.id = 2});
  ASSERT_EQ(host().fences.size(), 1u);
  EXPECT_EQ(host().fences[0].ring_idx, 0u);
  EXPECT_FALSE(upload->came);  // the same timeline
  test.reach(1, 0);
  EXPECT_EQ(submit->header().flags, VIRTIO_GPU_FLAG_FENCE);
  EXPECT_LT(submit->position, upload->position);
}

TEST_F(FenceTest, OtherCommandsOnARingWaitForItToo) {
  ASSERT_EQ(test.create_2d(1, 4, 4)->type(), kOk);
  const auto attach =
      test.send_fenced(VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, virtio_gpu_resource_command{.resource_id = 1},
                       {.id = 1, .context = 1, .ring_idx = 5});
  EXPECT_FALSE(attach->came);
  test.reach(1, 5);
  EXPECT_EQ(attach->type(), kOk);
}

TEST_F(FenceTest, AHostMayAnswerAtOnce) {
  host().fences_at_once = true;
  EXPECT_EQ(test.submit_fenced({.id = 1, .context = 1, .ring_idx = 1})->type(), kOk);
  EXPECT_EQ(test.device->counts().waiting_requests, 0u);
}

TEST_F(FenceTest, DestroyingAContextEndsItsFences) {
  const auto ring = test.submit_fenced({.id = 1, .context = 1, .ring_idx = 1});
  const auto global = test.submit_fenced({.id = 2, .context = 1});
  const auto after = test.submit_fenced({.id = 3, .context = 2});
  const auto other = test.submit_fenced({.id = 4, .context = 2, .ring_idx = 1});
  const Cookie late = host().fences[0].cookie;
  ASSERT_EQ(test.destroy_context(1)->type(), kOk);
  EXPECT_EQ(ring->type(), kOk);
  EXPECT_EQ(global->type(), kOk);
  EXPECT_FALSE(after->came);
  EXPECT_FALSE(other->came);
  // The id's next owner has timelines of its own, which what comes late does not touch.
  create(1);
  const auto fresh = test.submit_fenced({.id = 5, .context = 1, .ring_idx = 1});
  test.device->fence_reached(late);
  EXPECT_FALSE(fresh->came);
}

TEST_F(FenceTest, ADestroyedContextDoesNotOvertakeOthersOnTheGlobalTimeline) {
  const auto first = test.submit_fenced({.id = 1, .context = 2});
  const auto second = test.submit_fenced({.id = 2, .context = 1});
  ASSERT_EQ(test.destroy_context(1)->type(), kOk);
  EXPECT_FALSE(second->came);
  test.reach(2, 0);
  EXPECT_LT(first->position, second->position);
}

TEST_F(FenceTest, AFencedDestroyIsAnswered) {
  const auto open = test.submit_fenced({.id = 1, .context = 1, .ring_idx = 1});
  const auto end =
      test.send_fenced(VIRTIO_GPU_CMD_CTX_DESTROY, virtio_gpu_ctx_destroy{}, {.id = 2, .context = 1, .ring_idx = 1});
  EXPECT_EQ(open->type(), kOk);
  EXPECT_EQ(end->type(), kOk);
  EXPECT_LT(open->position, end->position);
}

TEST_F(FenceTest, ALostContextFailsAloneAndAnswers) {
  const auto ring = test.submit_fenced({.id = 1, .context = 1, .ring_idx = 1});
  const auto other = test.submit_fenced({.id = 2, .context = 2, .ring_idx = 1});
  const Cookie dead = host().contexts.at(1);
  test.device->context_lost(dead);
  EXPECT_EQ(ring->type(), kUnspec);
  EXPECT_EQ(ring->header().fence_id, 1u);
  EXPECT_FALSE(other->came);
  EXPECT_EQ(test.submit(1, 8)->type(), kUnspec);
  EXPECT_EQ(test.submit(1, 0)->type(), kUnspec);
  const auto fenced = test.submit_fenced({.id = 3, .context = 1, .ring_idx = 1});
  EXPECT_EQ(fenced->type(), kUnspec);
  EXPECT_EQ(fenced->header().fence_id, 3u);
  EXPECT_EQ(test.create_blob(1, 4096, 1)->type(), kUnspec);
  ASSERT_EQ(test.create_2d(2, 4, 4)->type(), kOk);
  EXPECT_EQ(test.on_resource(VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 2, 1)->type(), kOk);  // harmless
  // The other one does not notice.
  EXPECT_EQ(test.submit(2, 8)->type(), kOk);
  test.reach(2, 1);
  EXPECT_EQ(other->type(), kOk);
  // It can be ended and made anew, and its old name is nobody's.
  EXPECT_EQ(test.destroy_context(1)->type(), kOk);
  create(1);
  test.device->context_lost(dead);
  EXPECT_EQ(test.submit(1, 8)->type(), kOk);
}

TEST_F(FenceTest, WhatAHostDoesNotTakeIsAnError) {
  host().refusal = "Too much is queued.";
  EXPECT_EQ(test.submit(1, 8)->type(), kUnspec);
  const auto fenced = test.submit_fenced({.id = 9, .context = 1, .ring_idx = 1});
  EXPECT_EQ(fenced->type(), kUnspec);
  EXPECT_EQ(fenced->header().fence_id, 9u);
}

TEST(Complaints, AreLimited) {
  Complaints::Clock::time_point now{};
  std::vector<std::string> lines;
  Complaints complaints([&] { return now; }, [&](std::string_view line) { lines.emplace_back(line); });
  for (int i = 0; i < 100; ++i) complaints.complain("Too large.");
  EXPECT_EQ(lines.size(), 10u);
  now += std::chrono::milliseconds(1500);
  complaints.complain("Too large.");
  complaints.complain("Too large.");
  ASSERT_EQ(lines.size(), 11u);
  EXPECT_EQ(lines.back(), "Too large. (90 lines before it were left out.)");
  now += std::chrono::milliseconds(500);
  complaints.complain("Again.");
  EXPECT_EQ(lines.size(), 12u);
  now += std::chrono::hours(1);
  for (int i = 0; i < 100; ++i) complaints.complain("Too large.");
  EXPECT_EQ(lines.size(), 22u);
}

}  // namespace
}  // namespace hesper::gpu
