// WorkerLink: orders out, events in, and the end of a worker.
#include "device/worker_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "platform/socket.h"

namespace hesper::device {
namespace {

// How long a worker may take to end when its context is gone, or its link closed.
constexpr auto kDeathGrace = std::chrono::seconds(1);

bool overlap(const gpu::WindowRange& one, const gpu::WindowRange& other) noexcept {
  return one.offset < other.offset + other.size && other.offset < one.offset + one.size;
}

}  // namespace

WorkerLink::WorkerLink(platform::EventLoop& loop, gpu::ContextEvents& events, const WindowFile& window, UniqueFd link,
                       UniqueFd life, Options options, OnDeath on_death)
    : loop_(loop),
      events_(events),
      options_(std::move(options)),
      on_death_(std::move(on_death)),
      link_(std::move(link)),
      life_(std::move(life)) {
  outbox_.emplace(loop_, link_.get(), options_.most_waiting, *options_.waiting_budget);
  readable_ = loop_.when_readable(link_.get(), [this] { read_events(); });
  dead_ = loop_.when_readable(life_.get(), [this] {
    // Nothing is ever sent over it.
    lose("its process has ended.");
    const OnDeath tell = on_death_;  // which destroys this
    tell();
  });
  const auto name = std::as_bytes(std::span(options_.name)).first(std::min(options_.name.size(), link::kMostNameBytes));
  send({.kind = link::OrderKind::create, .offset = window.size(), .size = name.size()}, name, window.fd());
}

WorkerLink::~WorkerLink() { forget_blobs(); }

void WorkerLink::send(const link::Order& order, std::span<const std::byte> bytes,
                      const std::shared_ptr<const UniqueFd>& fd) {
  if (held_.empty()) return send_now(order, bytes, fd);
  hold({.awaits = {}, .order = order, .bytes = {bytes.begin(), bytes.end()}, .fd = fd, .charge = {}});
}

void WorkerLink::hold(Held held) {
  if (!outbox_) return;
  const std::uint64_t size = sizeof(Held) + held.bytes.size();
  held.charge = Budget::Charge(*options_.waiting_budget, size);
  if (held_bytes_ + size > options_.most_waiting || !held.charge) {
    lose(fmt::format("{} bytes of orders wait for memory that others still use, and no more may.", held_bytes_));
    return order_death();
  }
  held_bytes_ += size;
  held_.push_back(std::move(held));
}

void WorkerLink::send_held() {
  while (!held_.empty() && !held_.front().awaits) {
    const Held held = std::move(held_.front());
    held_.pop_front();
    held_bytes_ -= sizeof(Held) + held.bytes.size();
    send_now(held.order, held.bytes, held.fd);
  }
}

// Its place among what is held is given up.
void WorkerLink::stop_awaiting(gpu::ResourceId resource) {
  const auto at = std::ranges::find(held_, resource, &Held::awaits);
  if (at == held_.end()) return;
  held_bytes_ -= sizeof(Held) + at->bytes.size();
  held_.erase(at);
  send_held();
}

void WorkerLink::send_now(const link::Order& order, std::span<const std::byte> bytes,
                          const std::shared_ptr<const UniqueFd>& fd) {
  if (!outbox_) return;
  bool sent = true;
  if (const std::size_t rest = link::padded(bytes.size()) - bytes.size(); rest == 0) {
    sent = outbox_->send(std::as_bytes(std::span(&order, 1)), bytes, fd);
  } else {
    constexpr std::array<std::byte, link::kPadding> kZeros{};
    sent =
        outbox_->send(std::as_bytes(std::span(&order, 1)), bytes, fd) && outbox_->send(std::span(kZeros).first(rest));
  }
  if (sent) return;
  const std::uint64_t waiting = outbox_->waiting();
  if (waiting == 0) return lose("its link is broken.");
  lose(fmt::format("{} bytes wait for its worker, and no more may.", waiting));
  order_death();
}

Result<void> WorkerLink::submit(std::span<const std::byte> commands) {
  send({.kind = link::OrderKind::submit, .size = commands.size()}, commands);
  if (!outbox_) return fail("Its worker is gone.");
  return {};
}

void WorkerLink::fence(std::uint8_t ring_idx, gpu::Cookie cookie) {
  if (!outbox_) return;  // context_lost() has ended all fences
  fences_.insert(cookie);
  send({.kind = link::OrderKind::fence, .number = ring_idx, .cookie = std::to_underlying(cookie)});
}

void WorkerLink::attach(gpu::ResourceId resource, std::shared_ptr<BlobMemory> blob) {
  if (!outbox_ || has(resource)) return;  // who made it has it before the guest says so
  blob->attached.emplace_back(this, resource);
  const bool exists = blob->exists() && !blob->awaited;
  if (blob->awaited) hold({.awaits = resource, .order = {}, .bytes = {}, .fd = nullptr, .charge = {}});
  if (!outbox_) return forget_blobs();  // it held too much
  attachments_.insert_or_assign(resource, Attachment{.blob = std::move(blob), .told = {}});
  if (exists) blob_appears(resource);
}

void WorkerLink::blob_appears(gpu::ResourceId resource) {
  Attachment& attachment = attachments_.at(resource);
  BlobMemory& blob = *attachment.blob;
  const std::uint64_t cookie = ++last_attachment_;
  attachment.told = cookie;
  holds_.emplace(cookie, Hold{.use = blob.use, .file = blob.file});
  link::Order order{.kind = link::OrderKind::attach,
                    .number = std::to_underlying(resource),
                    .cookie = cookie,
                    .offset = blob.file ? 0 : blob.use->range().offset,
                    .size = blob.size,
                    .own_file = blob.file ? 1U : 0U};
  if (blob.giving && blob.giving->worker == this) {
    order.answered = 1;
    order.memory = blob.giving->memory;
    giving_.emplace(cookie, std::move(blob.giving->done));
    blob.giving.reset();
  }
  const auto awaiting = std::ranges::find(held_, resource, &Held::awaits);
  if (awaiting == held_.end()) return send(order, {}, blob.file ? blob.file->fd : nullptr);
  awaiting->order = order;
  awaiting->awaits.reset();
  send_held();
}

void WorkerLink::blob_disappears(gpu::ResourceId resource) {
  const auto cookie = std::exchange(attachments_.at(resource).told, std::nullopt);
  if (!cookie) return stop_awaiting(resource);
  holds_.at(*cookie).detached = true;
  send({.kind = link::OrderKind::detach, .number = std::to_underlying(resource), .cookie = *cookie});
}

void WorkerLink::detach(gpu::ResourceId resource) {
  const auto at = attachments_.find(resource);
  if (at == attachments_.end()) return;  // it has guest memory only, or all is over
  std::erase(at->second.blob->attached, std::pair(this, resource));
  blob_disappears(resource);
  attachments_.erase(resource);
}

void WorkerLink::read_events() {
  std::array<std::byte, 4096> buffer;
  const auto part = platform::receive_part(link_.get(), buffer, 0);
  partial_.insert(partial_.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(part.size));
  std::size_t at = 0;
  for (link::Event event; outbox_ && partial_.size() - at >= sizeof(event); at += sizeof(event)) {
    std::memcpy(&event, partial_.data() + at, sizeof(event));
    if (const std::string wrong = take(event); !wrong.empty()) {
      log::error("The worker of context {} ({}) {}", std::to_underlying(options_.context), options_.name, wrong);
      lose(wrong);
      return order_death();
    }
  }
  partial_.erase(partial_.begin(), partial_.begin() + static_cast<std::ptrdiff_t>(at));
  if (part.closed && outbox_) lose("its worker has closed the link.");
}

std::string WorkerLink::take(const link::Event& event) {
  switch (event.kind) {
    case link::EventKind::fence_reached:
      if (fences_.erase(gpu::Cookie{event.cookie}) == 0) return "tells of a fence that does not exist.";
      events_.fence_reached(gpu::Cookie{event.cookie});
      return {};
    case link::EventKind::released: {
      const auto hold = holds_.find(event.cookie);
      if (hold == holds_.end() || !hold->second.detached) return "releases what it has not been asked to.";
      holds_.erase(hold);
      return {};
    }
    case link::EventKind::attached: {
      auto given = giving_.extract(event.cookie);
      if (!given) return "has attached what it was not asked to tell of.";
      if (event.failed != 0)
        given.mapped()(fail("The memory that the blob was made for does not get into it."));
      else
        given.mapped()({});
      return {};
    }
  }
  return "tells what nobody knows.";
}

// The worker is of no more use. It may still have our ranges, until it is dead.
void WorkerLink::lose(const std::string& reason) {
  if (!outbox_) return;
  log::info("Context {} ({}) is lost: {}", std::to_underlying(options_.context), options_.name, reason);
  leave();
  events_.context_lost(options_.cookie);
}

void WorkerLink::leave() {
  if (!outbox_) return;
  outbox_.reset();
  readable_ = {};
  link_ = UniqueFd();
  fences_.clear();
  held_.clear();
  held_bytes_ = 0;
  forget_blobs();
  for (auto& [_, done] : std::exchange(giving_, {})) done(fail("Its worker is gone."));
  too_late_ = loop_.at(std::chrono::steady_clock::now() + kDeathGrace, [this] { order_death(); });
}

void WorkerLink::forget_blobs() {
  for (const auto& [resource, attachment] : attachments_)
    std::erase(attachment.blob->attached, std::pair(this, resource));
  attachments_.clear();
}

// What we hold of it stays until it is really dead.
void WorkerLink::order_death() { platform::end_sending(life_.get()); }

WorkerReport WorkerLink::describe() const {
  WorkerReport report{.context = std::to_underlying(options_.context),
                      .blobs = static_cast<std::uint32_t>(attachments_.size()),
                      .waiting_bytes = held_bytes_ + (outbox_ ? outbox_->waiting() : 0)};
  for (const auto& [resource, attachment] : attachments_) report.blob_bytes += attachment.blob->size;
  options_.name.copy(report.name.data(), report.name.size() - 1);
  return report;
}

void WorkerLink::enforce_release(const gpu::WindowRange& range) {
  const bool holds = std::ranges::any_of(holds_, [&](const auto& entry) {
    const Hold& hold = entry.second;
    return hold.use != nullptr && (hold.detached || !outbox_) && overlap(hold.use->range(), range);
  });
  if (!holds) return;
  log::error(
      "The worker of context {} ({}) does not release memory that the guest uses for something else by now. It is "
      "killed.",
      std::to_underlying(options_.context), options_.name);
  lose("its memory is wanted back.");
  order_death();
}

}  // namespace hesper::device
