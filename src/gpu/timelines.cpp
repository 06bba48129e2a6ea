// Timelines: a queue each.
#include "gpu/timelines.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace hesper::gpu {

void Reply::send(const Response& response) {
  const virtio_gpu_ctrl_hdr header{.type = response.type,
                                   .flags = flags,
                                   .fence_id = fence_id,
                                   .ctx_id = ctx_id,
                                   .ring_idx = ring_idx,
                                   .padding = {}};
  std::array<std::byte, sizeof(virtio_gpu_resp_edid)> short_response;
  std::vector<std::byte> long_response;
  std::span<std::byte> bytes = short_response;
  const std::size_t size = sizeof(header) + response.payload.size();
  if (size > bytes.size()) {
    long_response.resize(size);
    bytes = long_response;
  }
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::ranges::copy(response.payload, bytes.begin() + sizeof(header));
  std::exchange(responder, nullptr)->respond(bytes.first(std::min(size, room)));
}

Timeline Timelines::of(ContextId context, std::uint8_t ring_idx) noexcept {
  constexpr std::uint64_t kContexts = std::uint64_t{1} << 40;
  return Timeline{kContexts | std::uint64_t{std::to_underlying(context)} << 8 | ring_idx};
}

Timeline Timelines::alone(Cookie cookie) noexcept {
  constexpr std::uint64_t kAlone = std::uint64_t{1} << 63;
  return Timeline{kAlone | std::to_underlying(cookie)};
}

void Timelines::add(Timeline timeline, Cookie cookie, Cookie owner, State state, Reply reply, Response response) {
  if (state == State::waits) waiting_.emplace(cookie, timeline);
  timelines_[timeline].push_back(
      {.cookie = cookie, .owner = owner, .state = state, .reply = std::move(reply), .response = std::move(response)});
  if (state == State::ready) send_ready(timeline);
}

Timelines::Entry* Timelines::find(Cookie cookie) {
  const auto at = waiting_.find(cookie);
  if (at == waiting_.end()) return nullptr;
  // Cookies grow, so each queue is sorted by them.
  return &*std::ranges::lower_bound(timelines_.at(at->second), cookie, {}, &Entry::cookie);
}

std::optional<std::chrono::steady_clock::time_point> Timelines::arrived(Cookie cookie) {
  const Entry* entry = find(cookie);
  if (entry == nullptr) return std::nullopt;
  return entry->reply.arrived;
}

bool Timelines::ready(Cookie cookie) {
  Entry* entry = find(cookie);
  if (entry == nullptr) return false;
  entry->state = State::ready;
  const Timeline timeline = waiting_.extract(cookie).mapped();
  send_ready(timeline);
  return true;
}

bool Timelines::ready(Cookie cookie, Response instead) {
  Entry* entry = find(cookie);
  if (entry == nullptr) return false;
  entry->response = std::move(instead);
  return ready(cookie);
}

void Timelines::release(Cookie owner, const Response* instead) {
  std::vector<Cookie> cookies;
  for (const auto& [cookie, timeline] : waiting_) {
    if (find(cookie)->owner == owner) cookies.push_back(cookie);
  }
  std::ranges::sort(cookies);
  for (const Cookie cookie : cookies) {
    if (instead != nullptr) {
      ready(cookie, *instead);
    } else {
      ready(cookie);
    }
  }
}

void Timelines::clear() {
  waiting_.clear();
  timelines_.clear();
}

std::size_t Timelines::waiting() const noexcept {
  std::size_t count = 0;
  for (const auto& [timeline, entries] : timelines_) count += entries.size();
  return count;
}

void Timelines::send_ready(Timeline timeline) {
  const auto at = timelines_.find(timeline);
  auto& entries = at->second;
  while (!entries.empty() && entries.front().state == State::ready) {
    Entry entry = std::move(entries.front());
    entries.pop_front();
    entry.reply.send(entry.response);
  }
  if (entries.empty()) timelines_.erase(at);
}

}  // namespace hesper::gpu
