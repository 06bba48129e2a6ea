// BackEnd: framing, the table of requests with a handler a request, and the life of the rings.
#include "vhost/back_end.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "platform/shared_memory.h"
#include "platform/socket.h"

namespace hesper::vhost {
namespace {

constexpr std::uint64_t kRingFeatures =
    (1ULL << VIRTIO_F_INDIRECT_DESC) | (1ULL << VIRTIO_F_EVENT_IDX) | (1ULL << VIRTIO_F_VERSION_1);

// The message's length is that of T by the table of requests.
template <class T>
T read(std::span<const std::byte> payload) {
  T value{};
  HESPER_CHECK(payload.size() >= sizeof(T));
  std::memcpy(&value, payload.data(), sizeof(T));
  return value;
}

template <class T>
std::vector<std::byte> bytes_of(const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  return {bytes.begin(), bytes.end()};
}

RegionDescription description_of(const MemoryRegion& region) {
  return {.guest_address = region.guest_phys_addr,
          .size = region.memory_size,
          .user_address = region.userspace_addr,
          .file_offset = region.mmap_offset};
}

// Both for eventfds: 8 bytes each way. Neither blocks, as the fds are made so when they come.
void signal_event(const UniqueFd& fd) noexcept {
  if (!fd) return;
  const std::uint64_t one = 1;
  // A counter that is full has been signalled; an fd that is broken is the front-end's loss.
  [[maybe_unused]] const ssize_t written = ::write(fd.get(), &one, sizeof(one));
}
// False: nothing will come from this fd any more.
bool take_event(const UniqueFd& fd) noexcept {
  std::uint64_t count = 0;
  const ssize_t got = ::read(fd.get(), &count, sizeof(count));
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

}  // namespace

// What a request comes to. Requests without an answer of their own are acknowledged if the front-end asks for that.
struct BackEnd::Outcome {
  enum class Kind : std::uint8_t { done, answer, refused };
  Kind kind = Kind::done;
  std::vector<std::byte> body{};  // of an answer
  std::string reason{};           // a sentence, unless it is done

  static Outcome answer(std::vector<std::byte> body) { return {.kind = Kind::answer, .body = std::move(body)}; }
  static Outcome answer(std::uint64_t value) { return answer(bytes_of(value)); }
  static Outcome refused(std::string reason) { return {.kind = Kind::refused, .reason = std::move(reason)}; }
};

// One virtqueue, as the front-end has described it so far.
struct BackEnd::Ring final : Virtqueue::Listener {
  unsigned index = 0;
  std::shared_ptr<Virtqueue> queue;

  std::uint32_t size = 0;
  std::optional<VringAddr> address;
  std::uint16_t base = 0;
  bool base_set = false;                  // since the last stop
  std::optional<std::uint16_t> returned;  // what the front-end was told at the last stop
  bool enabled = false;

  UniqueFd kick;
  UniqueFd call;
  UniqueFd err;
  platform::EventLoop::Watch kick_watch;
  bool runs = false;       // started and enabled
  bool scheduled = false;  // serve() is posted

  void on_used() noexcept override { signal_event(call); }
  void on_broken(const std::string& reason) noexcept override {
    log::error("Queue {} is broken until the guest resets the device: {}", index, reason);
    signal_event(err);
  }
};

struct BackEnd::Entry {
  Request request;
  const char* name;
  std::size_t min_size;  // of the payload, bytes
  std::size_t max_size;
  Outcome (BackEnd::*handle)(Payload payload, Fds& fds);
};

// A table, one row a line. NOLINTBEGIN(modernize-use-designated-initializers)
// clang-format off
constexpr BackEnd::Entry BackEnd::kRequests[] = {
    {Request::get_features, "GET_FEATURES", 0, 0, &BackEnd::get_features},
    {Request::set_features, "SET_FEATURES", 8, 8, &BackEnd::set_features},
    {Request::set_owner, "SET_OWNER", 0, 0, &BackEnd::ignore},
    {Request::reset_owner, "RESET_OWNER", 0, 0, &BackEnd::ignore},
    {Request::set_mem_table, "SET_MEM_TABLE", 8, 8 + kMaxMessageRegions * 32, &BackEnd::set_mem_table},
    {Request::set_vring_num, "SET_VRING_NUM", 8, 8, &BackEnd::set_vring_num},
    {Request::set_vring_addr, "SET_VRING_ADDR", 40, 40, &BackEnd::set_vring_addr},
    {Request::set_vring_base, "SET_VRING_BASE", 8, 8, &BackEnd::set_vring_base},
    {Request::get_vring_base, "GET_VRING_BASE", 8, 8, &BackEnd::get_vring_base},
    {Request::set_vring_kick, "SET_VRING_KICK", 8, 8, &BackEnd::set_vring_kick},
    {Request::set_vring_call, "SET_VRING_CALL", 8, 8, &BackEnd::set_vring_call},
    {Request::set_vring_err, "SET_VRING_ERR", 8, 8, &BackEnd::set_vring_err},
    {Request::get_protocol_features, "GET_PROTOCOL_FEATURES", 0, 0, &BackEnd::get_protocol_features},
    {Request::set_protocol_features, "SET_PROTOCOL_FEATURES", 8, 8, &BackEnd::set_protocol_features},
    {Request::get_queue_num, "GET_QUEUE_NUM", 0, 0, &BackEnd::get_queue_num},
    {Request::set_vring_enable, "SET_VRING_ENABLE", 8, 8, &BackEnd::set_vring_enable},
    {Request::set_backend_req_fd, "SET_BACKEND_REQ_FD", 0, 0, &BackEnd::set_backend_req_fd},
    {Request::get_config, "GET_CONFIG", 12, 12 + kMaxConfigSize, &BackEnd::get_config},
    {Request::set_config, "SET_CONFIG", 12, 12 + kMaxConfigSize, &BackEnd::set_config},
    {Request::gpu_set_socket, "GPU_SET_SOCKET", 0, 0, &BackEnd::gpu_set_socket},
    {Request::get_max_mem_slots, "GET_MAX_MEM_SLOTS", 0, 0, &BackEnd::get_max_mem_slots},
    {Request::add_mem_reg, "ADD_MEM_REG", 40, 40, &BackEnd::add_mem_reg},
    {Request::rem_mem_reg, "REM_MEM_REG", 40, 40, &BackEnd::rem_mem_reg},
    {Request::get_shmem_config, "GET_SHMEM_CONFIG", 0, 0, &BackEnd::get_shmem_config},
};
// clang-format on
// NOLINTEND(modernize-use-designated-initializers)

const BackEnd::Entry* BackEnd::find_request(std::uint32_t number) noexcept {
  const auto* found = std::ranges::find(kRequests, Request{number}, &Entry::request);
  return found == std::end(kRequests) ? nullptr : found;
}

Result<std::unique_ptr<BackEnd>> BackEnd::create(platform::EventLoop& loop, UniqueFd socket, Device& device,
                                                 Options options, OnEnd on_end) {
  std::unique_ptr<BackEnd> made(new BackEnd(loop, std::move(socket), device, std::move(options), std::move(on_end)));
  std::uint64_t sum = 0;
  for (std::size_t id = 0; id < made->shmem_.sizes.size(); ++id) {
    const std::uint64_t size = device.shared_memory_size(static_cast<std::uint8_t>(id));
    if (size == 0) continue;
    if (size % platform::page_size() != 0)
      return fail(
          fmt::format("The window has {} bytes, which is no multiple of a page ({}).", size, platform::page_size()),
          EINVAL);
    made->shmem_.sizes[id] = size;
    ++made->shmem_.nregions;
    sum += size;
  }
  // QEMU aborts otherwise.
  if (sum != 0 && !std::has_single_bit(sum))
    return fail(fmt::format("The window has {} bytes, which is no power of two.", sum), EINVAL);
  return made;
}

BackEnd::BackEnd(platform::EventLoop& loop, UniqueFd socket, Device& device, Options options, OnEnd on_end)
    : loop_(loop),
      socket_(std::move(socket)),
      device_(device),
      options_(std::move(options)),
      on_end_(std::move(on_end)),
      offered_features_(device.features() | kRingFeatures | (1ULL << VHOST_USER_F_PROTOCOL_FEATURES)),
      channel_(loop, [this] { return may_use_channel(); }, [this](const char* reason) { on_channel_lost(reason); }) {
  for (unsigned i = 0; i < device.queue_count(); ++i) {
    auto ring = std::make_unique<Ring>();
    ring->index = i;
    ring->queue = Virtqueue::create(options_.queue, *ring);
    rings_.push_back(std::move(ring));
  }
  watch_ = loop_.when_readable(socket_.get(), [this] { on_readable(); });
}

BackEnd::~BackEnd() = default;

// --- Framing ---

void BackEnd::on_readable() {
  while (receive_some()) {
  }
}

// One message at most, so that others get their turn. False: it was handled, or there is no more of it yet.
bool BackEnd::receive_some() {
  const bool in_header = received_ < header_bytes_.size();
  const auto into = in_header ? std::span(header_bytes_).subspan(received_)
                              : std::span(payload_).subspan(received_ - header_bytes_.size());
  // fds come with a message's first byte; one that comes with its payload has no business here.
  auto part = platform::receive_part(socket_.get(), into, in_header ? platform::kMaxReceivedFds - fds_.size() : 0);
  if (part.closed) {
    if (received_ == 0)
      end(Ending::front_end_left, "The front-end closes the connection.");
    else
      end(Ending::front_end_at_fault, "The front-end goes away in the middle of a message.");
    return false;
  }
  if (part.fds_lost) {
    end(Ending::front_end_at_fault, "A message comes with more file descriptors than any has.");
    return false;
  }
  std::ranges::move(part.fds, std::back_inserter(fds_));
  received_ += part.size;
  if (in_header && received_ == header_bytes_.size()) accept_header();
  if (ended()) return false;
  if (received_ < header_bytes_.size() || received_ < header_bytes_.size() + header_.size) return part.size > 0;
  handle_message();
  return false;
}

void BackEnd::accept_header() {
  std::memcpy(&header_, header_bytes_.data(), sizeof(header_));
  if ((header_.flags & kVersionMask) != kVersion || (header_.flags & kFlagReply) != 0)
    return end(Ending::front_end_at_fault,
               fmt::format("Request {} has the flags {:#x}, which no request has.", header_.request, header_.flags));
  const Entry* entry = find_request(header_.request);
  const std::size_t min = entry != nullptr ? entry->min_size : 0;
  const std::size_t max = entry != nullptr ? entry->max_size : kMaxPayload;
  if (header_.size < min || header_.size > max)
    return end(Ending::front_end_at_fault,
               fmt::format("{} has a payload of {} bytes; it must have {} to {}.",
                           entry != nullptr ? entry->name : "An unknown request", header_.size, min, max));
  payload_.resize(header_.size);
}

void BackEnd::handle_message() {
  received_ = 0;
  Fds fds = std::exchange(fds_, {});  // those that nobody takes are closed at the end
  const Entry* entry = find_request(header_.request);
  const bool acknowledge = (header_.flags & kFlagNeedReply) != 0;
  const MessageHeader header = header_;
  Outcome outcome =
      entry != nullptr ? (this->*entry->handle)(payload_, fds) : Outcome::refused("Hesper does not know this request.");
  if (outcome.kind == Outcome::Kind::refused) {
    // Front-ends may try what is new to us; if it matters to them, they ask for an acknowledgement.
    const auto level = entry == nullptr && !acknowledge ? spdlog::level::debug : spdlog::level::warn;
    log::log(level, "vhost-user request {} ({}) is refused: {}", header.request,
             entry != nullptr ? entry->name : "unknown", outcome.reason);
  }
  update_rings();
  bool sent = true;
  switch (outcome.kind) {
    case Outcome::Kind::answer: sent = reply(header.request, outcome.body); break;
    case Outcome::Kind::done:
    case Outcome::Kind::refused:
      if (acknowledge)
        sent = reply(header.request, bytes_of(std::uint64_t{outcome.kind == Outcome::Kind::refused ? 1U : 0U}));
      break;
  }
  if (!sent) return end(Ending::front_end_at_fault, "The front-end does not read its answers.");
  // Only now, so that the front-end never finds a request before the answer that it waits for.
  channel_.flush();
}

bool BackEnd::reply(std::uint32_t request, Payload body) {
  const MessageHeader header{.request = request, .flags = kReplyFlags, .size = static_cast<std::uint32_t>(body.size())};
  std::vector<std::byte> message = bytes_of(header);
  message.insert(message.end(), body.begin(), body.end());
  return platform::send_all(socket_.get(), message);
}

void BackEnd::end(Ending ending, std::string reason) {
  if (ended()) return;
  watch_ = {};
  socket_ = UniqueFd();
  fds_.clear();
  for (const auto& ring : rings_) {
    ring->kick_watch = {};
    ring->runs = false;
    ring->queue->set_enabled(false);
    ring->queue->stop();
    ring->queue->forget_messages();
  }
  channel_.close();
  tell_of_channel_ = {};
  if (std::exchange(running_, false)) device_.on_stop();
  if (!on_end_) return;
  loop_.post([this, alive = std::weak_ptr(alive_), ending, reason = std::move(reason)] {
    if (alive.expired()) return;
    const OnEnd on_end = std::exchange(on_end_, nullptr);  // it may destroy this
    on_end(ending, reason);
  });
}

// --- Features ---

BackEnd::Outcome BackEnd::get_features(Payload, Fds&) { return Outcome::answer(offered_features_); }

BackEnd::Outcome BackEnd::set_features(Payload payload, Fds&) {
  const auto wanted = read<std::uint64_t>(payload);
  // QEMU accepts RING_RESET for vhost-user-gpu-pci although nobody offers it, so this is no reason to refuse.
  if ((wanted & ~offered_features_) != 0)
    log::debug("The front-end accepts features that are not offered ({:#x}).", wanted & ~offered_features_);
  features_ = wanted & offered_features_;
  device_.accept_features(features_ & device_.features());
  return {};
}

BackEnd::Outcome BackEnd::ignore(Payload, Fds&) { return {}; }

BackEnd::Outcome BackEnd::get_protocol_features(Payload, Fds&) { return Outcome::answer(options_.protocol_features); }

BackEnd::Outcome BackEnd::set_protocol_features(Payload payload, Fds&) {
  protocol_features_ = read<std::uint64_t>(payload) & options_.protocol_features;
  return {};
}

BackEnd::Outcome BackEnd::get_queue_num(Payload, Fds&) { return Outcome::answer(std::uint64_t{rings_.size()}); }

// --- Memory ---

BackEnd::Outcome BackEnd::set_mem_table(Payload payload, Fds& fds) {
  const auto header = read<MemoryTableHeader>(payload);
  if (payload.size() != sizeof(header) + std::uint64_t{header.num_regions} * sizeof(MemoryRegion))
    return Outcome::refused(
        fmt::format("A table of {} regions comes in {} bytes.", header.num_regions, payload.size()));
  std::vector<RegionDescription> regions;
  for (Payload rest = payload.subspan(sizeof(header)); !rest.empty(); rest = rest.subspan(sizeof(MemoryRegion)))
    regions.push_back(description_of(read<MemoryRegion>(rest)));
  return memory_changed(memory_.replace(regions, fds));
}

BackEnd::Outcome BackEnd::add_mem_reg(Payload payload, Fds& fds) {
  if (fds.size() != 1) return Outcome::refused(fmt::format("A memory region comes with {} files.", fds.size()));
  return memory_changed(memory_.add(description_of(read<SingleMemoryRegion>(payload).region), fds.front()));
}

BackEnd::Outcome BackEnd::rem_mem_reg(Payload payload, Fds&) {
  return memory_changed(memory_.remove(description_of(read<SingleMemoryRegion>(payload).region)));
}

BackEnd::Outcome BackEnd::memory_changed(Result<void> result) {
  if (!result) return Outcome::refused(std::move(result.error().message));
  const auto table = memory_.table();
  for (const auto& ring : rings_) ring->queue->set_memory(table);
  return {};
}

BackEnd::Outcome BackEnd::get_max_mem_slots(Payload, Fds&) {
  return Outcome::answer(std::uint64_t{GuestMemory::kMaxRegions});
}

// --- Rings ---

BackEnd::Ring* BackEnd::find_ring(std::uint64_t index) noexcept {
  return index < rings_.size() ? rings_[index].get() : nullptr;
}

namespace {
std::string no_ring(std::uint64_t index) { return fmt::format("There is no queue {}.", index); }
constexpr const char* kRingIsStarted = "The queue is started.";
}  // namespace

BackEnd::Outcome BackEnd::set_vring_num(Payload payload, Fds&) {
  const auto state = read<VringState>(payload);
  Ring* ring = find_ring(state.index);
  if (ring == nullptr) return Outcome::refused(no_ring(state.index));
  if (ring->queue->started()) return Outcome::refused(kRingIsStarted);
  if (!std::has_single_bit(state.num) || state.num > kMaxRingSize)
    return Outcome::refused(
        fmt::format("The queue's size ({}) is not a power of two up to {}.", state.num, kMaxRingSize));
  ring->size = state.num;
  return {};
}

BackEnd::Outcome BackEnd::set_vring_addr(Payload payload, Fds&) {
  const auto address = read<VringAddr>(payload);
  Ring* ring = find_ring(address.index);
  if (ring == nullptr) return Outcome::refused(no_ring(address.index));
  if (ring->queue->started()) return Outcome::refused(kRingIsStarted);
  ring->address = address;  // looked at when the ring starts: the memory may come later
  return {};
}

BackEnd::Outcome BackEnd::set_vring_base(Payload payload, Fds&) {
  const auto state = read<VringState>(payload);
  Ring* ring = find_ring(state.index);
  if (ring == nullptr) return Outcome::refused(no_ring(state.index));
  if (ring->queue->started()) return Outcome::refused(kRingIsStarted);
  if (state.num > 0xffff) return Outcome::refused(fmt::format("{} is no index of a split ring.", state.num));
  ring->base = static_cast<std::uint16_t>(state.num);
  ring->base_set = true;
  return {};
}

BackEnd::Outcome BackEnd::get_vring_base(Payload payload, Fds&) {
  const auto state = read<VringState>(payload);
  Ring* ring = find_ring(state.index);
  // The front-end waits for an answer, and there is none that says no.
  if (ring == nullptr) {
    log::warn("GET_VRING_BASE: {}", no_ring(state.index));
    return Outcome::answer(bytes_of(VringState{.index = state.index, .num = 0}));
  }
  if (ring->queue->started()) {
    ring->base = ring->queue->stop();
    ring->returned = ring->base;
    ring->base_set = false;
  }
  ring->kick_watch = {};
  ring->kick = UniqueFd();
  return Outcome::answer(bytes_of(VringState{.index = state.index, .num = ring->base}));
}

namespace {
// The fd of SET_VRING_KICK, CALL and ERR; none if the message says that there is none. Errors: it does not fit.
Result<UniqueFd> take_ring_fd(std::uint64_t payload, std::vector<UniqueFd>& fds) {
  const bool expected = (payload & kVringNoFd) == 0;
  if (fds.size() != (expected ? 1U : 0U))
    return fail(fmt::format("The message comes with {} file descriptors.", fds.size()));
  if (!expected) return UniqueFd();
  UniqueFd fd = std::move(fds.front());
  // Nothing that the front-end sends may block us.
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  return fd;
}
}  // namespace

BackEnd::Outcome BackEnd::set_vring_kick(Payload payload, Fds& fds) {
  const auto value = read<std::uint64_t>(payload);
  Ring* ring = find_ring(value & kVringIndexMask);
  if (ring == nullptr) return Outcome::refused(no_ring(value & kVringIndexMask));
  auto fd = take_ring_fd(value, fds);
  if (!fd) return Outcome::refused(std::move(fd.error().message));
  if (!*fd) return Outcome::refused("Rings that are not kicked would have to be polled, which Hesper does not.");
  if (!ring->queue->started()) {
    if (auto started = start_ring(*ring); started.kind != Outcome::Kind::done) return started;
  }
  ring->kick_watch = {};
  ring->kick = std::move(*fd);
  ring->kick_watch = loop_.when_readable(ring->kick.get(), [this, ring] {
    if (!take_event(ring->kick)) {
      log::warn("Queue {} gets no more kicks: its file descriptor has ended.", ring->index);
      ring->kick_watch = {};
    }
    serve(*ring);
  });
  return {};
}

BackEnd::Outcome BackEnd::start_ring(Ring& ring) {
  if (ring.size == 0 || !ring.address) return Outcome::refused("The queue starts without size or addresses.");
  // Without protocol features there is no SET_VRING_ENABLE.
  if ((features_ >> VHOST_USER_F_PROTOCOL_FEATURES & 1) == 0) ring.enabled = true;
  const Virtqueue::Layout layout{
      .size = ring.size,
      .desc = ring.address->desc_user_addr,
      .avail = ring.address->avail_user_addr,
      .used = ring.address->used_user_addr,
      .space = negotiated(VHOST_USER_PROTOCOL_F_GPA_ADDRESSES) ? AddressSpace::guest : AddressSpace::user};
  const Virtqueue::Features features{.indirect_desc = (features_ >> VIRTIO_F_INDIRECT_DESC & 1) != 0,
                                     .event_idx = (features_ >> VIRTIO_F_EVENT_IDX & 1) != 0};
  if (auto started = ring.queue->start(layout, features, ring.base, memory_.table()); !started) {
    ring.on_broken(started.error().message);
    return Outcome::refused(std::move(started.error().message));
  }
  return {};
}

BackEnd::Outcome BackEnd::set_vring_call(Payload payload, Fds& fds) {
  const auto value = read<std::uint64_t>(payload);
  Ring* ring = find_ring(value & kVringIndexMask);
  if (ring == nullptr) return Outcome::refused(no_ring(value & kVringIndexMask));
  auto fd = take_ring_fd(value, fds);
  if (!fd) return Outcome::refused(std::move(fd.error().message));
  ring->call = std::move(*fd);
  // What was told to the old one while they changed may have got lost, and one interrupt too many hurts nobody.
  if (ring->runs) signal_event(ring->call);
  return {};
}

BackEnd::Outcome BackEnd::set_vring_err(Payload payload, Fds& fds) {
  const auto value = read<std::uint64_t>(payload);
  Ring* ring = find_ring(value & kVringIndexMask);
  if (ring == nullptr) return Outcome::refused(no_ring(value & kVringIndexMask));
  auto fd = take_ring_fd(value, fds);
  if (!fd) return Outcome::refused(std::move(fd.error().message));
  ring->err = std::move(*fd);
  return {};
}

BackEnd::Outcome BackEnd::set_vring_enable(Payload payload, Fds&) {
  const auto state = read<VringState>(payload);
  Ring* ring = find_ring(state.index);
  if (ring == nullptr) return Outcome::refused(no_ring(state.index));
  if (state.num > 1)
    return Outcome::refused(fmt::format("A queue is enabled with 1 and disabled with 0, not {}.", state.num));
  ring->enabled = state.num == 1;
  return {};
}

Start BackEnd::find_out_start() const {
  if (!started_once_) return Start::first;
  bool stopped = false;
  bool used = false;
  for (const auto& ring : rings_) {
    if (!ring->returned) continue;
    stopped = true;
    if (*ring->returned != 0) used = true;
    // A reset starts rings anew, at 0; a pause goes on where they were.
    if (ring->base_set && ring->base != *ring->returned) return Start::after_reset;
  }
  // Rings at which nothing happened look the same in both cases. But a driver that starts reads the config space, and
  // one that was only paused does not.
  return stopped && !used && config_read_since_stop_ ? Start::after_reset : Start::after_pause;
}

void BackEnd::forget_everything() {
  for (const auto& ring : rings_) ring->queue->forget_messages();
  channel_.cancel();
  ++window_epoch_;
  for (const Window& window : std::exchange(windows_, {})) memory_.remove_window(window.file);
}

// Makes of what the front-end has said about each ring what the device is told.
void BackEnd::update_rings() {
  if (ended()) return;
  const auto should_run = [](const auto& ring) { return ring->queue->started() && ring->enabled; };
  const bool any = std::ranges::any_of(rings_, should_run);
  Start start{};
  const bool starts = any && !running_;
  if (starts) {
    start = find_out_start();
    if (start == Start::after_reset) forget_everything();
    for (const auto& ring : rings_) ring->returned.reset();
    started_once_ = true;
    running_ = true;
  }
  for (const auto& ring : rings_) {
    const bool runs = should_run(ring);
    if (runs == ring->runs) continue;
    ring->runs = runs;
    ring->queue->set_enabled(runs);
    // Something may have been offered before the kick could be heard.
    if (runs) serve_soon(*ring);
  }
  if (starts) {
    tell_of_lost_channel();
    device_.on_start(start);
  }
  if (!any && running_) {
    running_ = false;
    config_read_since_stop_ = false;
    device_.on_stop();
  }
}

void BackEnd::serve_soon(Ring& ring) {
  if (std::exchange(ring.scheduled, true)) return;
  loop_.post([this, &ring, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    ring.scheduled = false;
    serve(ring);
  });
}

void BackEnd::serve(Ring& ring) {
  if (!ring.runs) return;
  unsigned served = 0;
  {
    const Virtqueue::Batch batch(*ring.queue);
    while (served < options_.batch && ring.runs) {
      auto message = ring.queue->pop();
      if (!message) break;
      ++served;
      device_.on_message(ring.index, std::move(*message));
    }
  }
  // The other queue, and the front-end, get their turn in between.
  if (served == options_.batch || ring.queue->ask_for_kick()) serve_soon(ring);
}

void BackEnd::look_for_messages(unsigned queue) {
  if (Ring* ring = find_ring(queue)) serve(*ring);
}

// --- Config space ---

BackEnd::Outcome BackEnd::get_config(Payload payload, Fds&) {
  const auto header = read<ConfigHeader>(payload);
  config_read_since_stop_ = true;
  // An empty answer means an error.
  if (header.offset > kMaxConfigSize || header.size > kMaxConfigSize - header.offset ||
      payload.size() != sizeof(header) + header.size) {
    log::warn("GET_CONFIG of {} bytes at {} in a message of {} is refused.", header.size, header.offset,
              payload.size());
    return Outcome::answer(std::vector<std::byte>{});
  }
  std::vector<std::byte> body = bytes_of(header);
  body.resize(sizeof(header) + header.size);
  device_.read_config(header.offset, std::span(body).subspan(sizeof(header)));
  return Outcome::answer(std::move(body));
}

BackEnd::Outcome BackEnd::set_config(Payload payload, Fds&) {
  const auto header = read<ConfigHeader>(payload);
  if (header.offset > kMaxConfigSize || header.size > kMaxConfigSize - header.offset ||
      payload.size() != sizeof(header) + header.size)
    return Outcome::refused(
        fmt::format("{} bytes at {} come in a message of {}.", header.size, header.offset, payload.size()));
  if (header.flags != 0) return Outcome::refused(fmt::format("The flags {:#x} are not for drivers.", header.flags));
  device_.write_config(header.offset, payload.subspan(sizeof(header)));
  return {};
}

// --- The back-end channel ---

BackEnd::Outcome BackEnd::set_backend_req_fd(Payload, Fds& fds) {
  if (fds.size() != 1) return Outcome::refused(fmt::format("The channel comes with {} file descriptors.", fds.size()));
  channel_lost_ = nullptr;
  channel_.open(std::move(fds.front()), negotiated(VHOST_USER_PROTOCOL_F_REPLY_ACK));
  return {};
}

void BackEnd::on_channel_lost(const char* reason) {
  channel_lost_ = reason;
  // A device that does not run misses nothing; QEMU stops it first when it ends.
  if (running_)
    tell_of_channel_ =
        loop_.at(std::chrono::steady_clock::now() + options_.end_takes, [this] { tell_of_lost_channel(); });
}

void BackEnd::tell_of_lost_channel() {
  if (const char* reason = std::exchange(channel_lost_, nullptr); reason != nullptr && running_)
    log::error("The back-end channel is given up: {} The guest hears no more of changed screens, and gets no window.",
               reason);
}

BackEnd::Outcome BackEnd::gpu_set_socket(Payload, Fds& fds) {
  if (fds.size() != 1) return Outcome::refused(fmt::format("The socket comes with {} file descriptors.", fds.size()));
  device_.on_display_socket(std::move(fds.front()));
  return {};
}

BackEnd::Outcome BackEnd::get_shmem_config(Payload, Fds&) { return Outcome::answer(bytes_of(shmem_)); }

bool BackEnd::may_use_channel() const {
  // QEMU 11.1 crashes if a request reaches it while the device does not run. What it has sent already may be the end of
  // that, so it is read first. A request that crosses a stop on its way cannot be helped from here.
  return running_ &&
         std::ranges::all_of(rings_, [](const auto& ring) { return ring->runs || !ring->queue->started(); }) &&
         !platform::has_unread_bytes(socket_.get());
}

void BackEnd::config_changed() {
  if (!channel_.is_open()) return log::debug("The driver cannot be told of a change: there is no back-end channel.");
  if (!channel_.is_waiting(BackEndRequest::config_change_msg))
    channel_.send(BackEndRequest::config_change_msg, {}, UniqueFd(), nullptr);
}

Result<ShmemMapping> BackEnd::message_of(const WindowMapping& mapping) const {
  if (!negotiated(VHOST_USER_PROTOCOL_F_SHMEM_MAP) || !channel_.is_open())
    return fail("The front-end has no shared memory windows. QEMU has them since 11.1.", ENOTSUP);
  const std::uint64_t size = shmem_.sizes[mapping.region];
  const std::uint64_t page = platform::page_size();
  // QEMU checks most of this, but accepts a place that is not aligned.
  if (mapping.length == 0 || mapping.length > size || mapping.offset > size - mapping.length ||
      mapping.offset % page != 0 || mapping.length % page != 0 || mapping.file_offset % page != 0)
    return fail(
        fmt::format("{:#x} bytes at {:#x}, from byte {:#x} of a file, are no pages of window {} with {:#x} bytes.",
                    mapping.length, mapping.offset, mapping.file_offset, mapping.region, size),
        EINVAL);
  return ShmemMapping{.shmid = mapping.region,
                      .padding = {},
                      .fd_offset = mapping.file_offset,
                      .shm_offset = mapping.offset,
                      .len = mapping.length,
                      .flags = mapping.writable ? kShmemMapReadWrite : 0};
}

Result<void> BackEnd::map(const WindowMapping& mapping, int file, Channel::Done done) {
  const auto message = message_of(mapping);
  if (!message) return std::unexpected(message.error());
  struct stat info{};
  if (::fstat(file, &info) != 0 || (::fcntl(file, F_GETFL) & O_ACCMODE) != O_RDWR || !platform::cannot_shrink(file) ||
      mapping.file_offset > static_cast<std::uint64_t>(info.st_size) ||
      mapping.length > static_cast<std::uint64_t>(info.st_size) - mapping.file_offset)
    return fail(
        "The file cannot be a window: it is shorter than that, could become so, or is not for reading and writing.",
        EINVAL);
  UniqueFd copy(::fcntl(file, F_DUPFD_CLOEXEC, 0));
  if (!copy) return fail_errno("Duplicating a file descriptor fails", errno);
  // It comes back as a memory region, before the answer perhaps.
  if (const auto identity = identity_of(file)) {
    windows_.push_back({.mapping = *message, .file = *identity});
    memory_.add_window(*identity);
  }
  channel_.send(BackEndRequest::shmem_map, bytes_of(*message), std::move(copy),
                [this, alive = std::weak_ptr(alive_), epoch = window_epoch_, it = *message,
                 done = std::move(done)](Result<void> result) {
                  if (!alive.expired() && !result && epoch == window_epoch_) forget_window(it);
                  if (done) done(std::move(result));
                });
  return {};
}

Result<void> BackEnd::unmap(const WindowMapping& mapping, Channel::Done done) {
  const auto message = message_of(mapping);
  if (!message) return std::unexpected(message.error());
  channel_.send(BackEndRequest::shmem_unmap, bytes_of(*message), UniqueFd(),
                [this, alive = std::weak_ptr(alive_), epoch = window_epoch_, it = *message,
                 done = std::move(done)](Result<void> result) {
                  if (!alive.expired() && result && epoch == window_epoch_) forget_window(it);
                  if (done) done(std::move(result));
                });
  return {};
}

void BackEnd::forget_window(const ShmemMapping& mapping) {
  const auto found = std::ranges::find_if(windows_, [&](const Window& window) {
    return window.mapping.shmid == mapping.shmid && window.mapping.shm_offset == mapping.shm_offset &&
           window.mapping.len == mapping.len;
  });
  if (found == windows_.end()) return;
  memory_.remove_window(found->file);
  windows_.erase(found);
}

}  // namespace hesper::vhost
