// WorkerContexts: contexts and blobs as the device sees them.
#include "device/worker_contexts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "gpu/protocol.h"
#include "platform/socket.h"

namespace hesper::device {
namespace {

constexpr std::uint32_t kCapsetVenus = 4;

}  // namespace

class WorkerContexts::Blob final : public gpu::HostBlob {
 public:
  // Who made the blob, and for which memory; 0: for none, so that it is a ring or the like.
  struct Maker {
    gpu::Cookie context{};
    gpu::ResourceId resource{};  // the blob's
    std::uint64_t memory = 0;
  };
  // maker: if it is to have the blob before the guest has.
  Blob(WorkerContexts& host, std::shared_ptr<BlobMemory> memory, std::optional<Maker> maker)
      : host_(host), memory_(std::move(memory)), maker_(maker) {
    // Other workers are told of it when it has in it what it was made for, and what the guest asks them for waits.
    if (memory_->file) memory_->awaited = give_to_maker([this](const Result<void>& given) { fill(given); });
  }
  ~Blob() override {
    disappear();
    // The guest may never have said that the worker knows it.
    if (WorkerLink* worker = maker_ ? host_.find(maker_->context) : nullptr) worker->detach(maker_->resource);
  }

  void map(const gpu::WindowRange& range, gpu::Cookie cookie) override {
    if (auto use = host_.window_.take(range)) return appear(std::move(use), cookie);
    memory_->awaited = true;
    request_ = host_.window_.ask(range, [this, cookie](std::shared_ptr<const WindowFile::Use> use) {
      patience_ = {};
      appear(std::move(use), cookie);
    });
    patience_ = host_.loop_.at(std::chrono::steady_clock::now() + host_.options_.release_timeout, [this, range] {
      for (const auto& [_, link] : host_.links_) link->enforce_release(range);
    });
  }

  void unmap() override {
    request_.reset();
    patience_ = {};
    memory_->awaited = false;
    alive_ = std::make_shared<bool>(true);  // what the maker says of it does not count any more
    disappear();
    memory_->use.reset();
  }

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept override {
    if (memory_->lost) return {};
    if (memory_->file) return memory_->file->mapping.bytes();
    if (memory_->use) return memory_->use->bytes().first(memory_->size);
    return {};
  }

  [[nodiscard]] const std::shared_ptr<BlobMemory>& memory() const noexcept { return memory_; }

 private:
  // The memory has moved into the file, or will not. Then workers are not told of the blob, so that programs that
  // import it get an error, as the guest does that wants it on a screen; making it is answered long since.
  void fill(const Result<void>& given) {
    memory_->awaited = false;
    memory_->lost = !given;
    if (!given)
      host_.complaints_.complain(fmt::format("Resource {} can neither be shown nor shared: {}",
                                             std::to_underlying(maker_->resource), given.error().message));
    const WorkerLink* const maker = host_.find(maker_->context);
    for (const auto& [link, resource] : std::vector(memory_->attached)) {
      if (link == maker) continue;
      if (given)
        link->blob_appears(resource);
      else
        link->blob_disappears(resource);
    }
  }
  void appear(std::shared_ptr<const WindowFile::Use> use, gpu::Cookie cookie) {
    memory_->awaited = false;
    // Once the guest has it, a ring may name it; and it sees nothing of memory that has yet to move.
    const bool waits = give_to_maker([this, cookie](const Result<void>& given) {
      if (given) return host_.events_->blob_mapped(cookie, gpu::MapCache::cached);
      unmap();
      host_.events_->blob_mapped(cookie, std::unexpected(given.error()));
    });
    memory_->use = std::move(use);
    // A copy: a worker that is lost leaves the list.
    for (const auto& [link, resource] : std::vector(memory_->attached)) link->blob_appears(resource);
    if (!waits) host_.events_->blob_mapped(cookie, gpu::MapCache::cached);
  }
  // False: there is nobody to wait for. The worker is told when the blob appears, or at once if it is there.
  bool give_to_maker(std::function<void(const Result<void>&)> done) {
    WorkerLink* worker = maker_ ? host_.find(maker_->context) : nullptr;
    if (worker == nullptr) return false;  // it is gone with its context
    memory_->giving = {.worker = worker,
                       .memory = maker_->memory,
                       .done = [alive = std::weak_ptr(alive_), done = std::move(done)](const Result<void>& given) {
                         if (alive.lock()) done(given);
                       }};
    worker->attach(maker_->resource, memory_);
    if (!worker->has(maker_->resource)) memory_->giving.reset();  // it is lost
    return worker->has(maker_->resource);
  }
  void disappear() {
    for (const auto& [link, resource] : std::vector(memory_->attached)) link->blob_disappears(resource);
  }

  WorkerContexts& host_;
  const std::shared_ptr<BlobMemory> memory_;
  const std::optional<Maker> maker_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<WindowFile::Request> request_;  // its place is still in use
  platform::EventLoop::Watch patience_;           // likewise
};

class WorkerContexts::Context final : public gpu::HostContext {
 public:
  Context(WorkerContexts& host, gpu::Cookie cookie) noexcept : host_(host), cookie_(cookie) {}
  ~Context() override {
    if (WorkerLink* worker = link()) worker->leave();
  }

  Result<void> submit(std::span<const std::byte> commands) override {
    WorkerLink* worker = link();
    return worker != nullptr ? worker->submit(commands) : fail("Its worker is gone.");
  }

  void attach(const gpu::SharedResource& resource) override {
    // Guest memory is never shared with workers.
    if (resource.blob == nullptr) return;
    if (WorkerLink* worker = link()) worker->attach(resource.id, static_cast<Blob*>(resource.blob)->memory());
  }

  void detach(gpu::ResourceId resource) override {
    if (WorkerLink* worker = link()) worker->detach(resource);
  }

  Result<std::unique_ptr<gpu::HostBlob>> create_blob(const gpu::BlobRequest& request) override {
    if (request.blob_mem != gpu::VIRTIO_GPU_BLOB_MEM_HOST3D)
      return fail("Blobs of host memory with guest memory are not offered.", ENOTSUP);
    auto memory = std::make_shared<BlobMemory>();
    memory->size = request.size;
    if ((request.blob_flags & gpu::VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE) == 0) {
      auto file = host_.make_file(request.size);
      if (!file) return std::unexpected(std::move(file.error()));
      memory->file = std::move(*file);
    }
    // Where blobs come first, Mesa itself sees to it that a ring does not name one too early.
    std::optional<Blob::Maker> maker;
    if (host_.options_.memory_first)
      maker = {.context = cookie_, .resource = request.resource, .memory = request.blob_id};
    return std::make_unique<Blob>(host_, std::move(memory), maker);
  }

  void fence(std::uint8_t ring_idx, gpu::Cookie cookie) override {
    if (WorkerLink* worker = link()) worker->fence(ring_idx, cookie);
  }

 private:
  [[nodiscard]] WorkerLink* link() const noexcept { return host_.find(cookie_); }

  WorkerContexts& host_;
  const gpu::Cookie cookie_;
};

WorkerContexts::WorkerContexts(platform::EventLoop& loop, WindowFile& window, StartWorker start_worker, Options options)
    : loop_(loop),
      window_(window),
      start_worker_(std::move(start_worker)),
      options_(std::move(options)),
      capset_{.id = kCapsetVenus, .max_version = 0, .bytes = options_.capset},
      waiting_(options_.max_waiting_all),
      unmapped_(options_.max_unmapped) {}

WorkerContexts::~WorkerContexts() = default;

Result<std::unique_ptr<gpu::HostContext>> WorkerContexts::create(const gpu::ContextRequest& request) {
  if (links_.size() >= options_.max_workers)
    return fail(fmt::format("{} contexts have a worker each, the limit (--max-clients).", links_.size()), ENOMEM);
  auto link = platform::create_socket_pair();
  if (!link) return std::unexpected(std::move(link.error()));
  auto life = platform::create_socket_pair();
  if (!life) return std::unexpected(std::move(life.error()));
  if (!start_worker_(request.id, request.name, link->second.get(), life->second.get()))
    return fail("hesper starts no worker now.", EAGAIN);
  links_.emplace(request.cookie,
                 std::make_unique<WorkerLink>(loop_, *events_, window_, std::move(link->first), std::move(life->first),
                                              WorkerLink::Options{.context = request.id,
                                                                  .name = std::string(request.name),
                                                                  .cookie = request.cookie,
                                                                  .most_waiting = options_.max_waiting,
                                                                  .waiting_budget = &waiting_},
                                              [this, cookie = request.cookie] { links_.erase(cookie); }));
  return std::make_unique<Context>(*this, request.cookie);
}

void WorkerContexts::describe(DeviceReport& report) const {
  report.worker_count = links_.size();
  std::vector<WorkerReport> workers;
  for (const auto& [_, link] : links_) workers.push_back(link->describe());
  std::ranges::sort(workers, {}, &WorkerReport::context);
  std::ranges::copy(std::span(workers).first(std::min(workers.size(), report.workers.size())), report.workers.begin());
}

WorkerLink* WorkerContexts::find(gpu::Cookie context) const noexcept {
  const auto at = links_.find(context);
  return at == links_.end() ? nullptr : at->second.get();
}

Result<std::shared_ptr<const OwnFile>> WorkerContexts::make_file(std::uint64_t size) {
  Budget::Charge charge(unmapped_, size);
  if (!charge)
    return fail(
        fmt::format("Blobs that the guest does not map take {} bytes, and no more than {} may be (--host-memory).",
                    unmapped_.used(), unmapped_.limit()),
        ENOMEM);
  // Whole steps of any driver's imports; see render::SharedRange.
  constexpr std::uint64_t kStep = std::uint64_t{64} << 10;
  auto fd = platform::create_shared_memory("hesper-blob", (size + (kStep - 1)) & ~(kStep - 1));
  if (!fd) return std::unexpected(std::move(fd.error()));
  auto mapping = platform::Mapping::map(fd->get(), size);
  if (!mapping) return std::unexpected(std::move(mapping.error()));
  return std::make_shared<const OwnFile>(OwnFile{.fd = std::make_shared<const UniqueFd>(std::move(*fd)),
                                                 .mapping = std::move(*mapping),
                                                 .charge = std::move(charge)});
}

}  // namespace hesper::device
