// Reclaimer: keeps what was destroyed until no stream can be using it any more. A hostile client destroys a device on
// one ring while another executes a command with it: the ids are gone, but the other stream has looked them up before.
// Knows only our own memory; what the driver makes of such a race is its own affair, and this process's.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace hesper::render {

// Any thread. Outlives its readers.
class Reclaimer {
 public:
  // One stream. What it looks up between enter() and leave() stays until leave(). One thread.
  class Reader {
   public:
    explicit Reader(Reclaimer& reclaimer);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    // Sequentially consistent: either retire() sees the visit, or the visitor sees that the object is gone.
    void enter() noexcept { visits_.fetch_add(1, std::memory_order_seq_cst); }
    void leave() noexcept { visits_.store(visits_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

   private:
    friend class Reclaimer;
    Reclaimer& reclaimer_;
    std::atomic<std::uint64_t> visits_{0};  // odd: inside
  };

  // enter() to leave(), for a scope.
  class Visit {
   public:
    explicit Visit(Reader& reader) noexcept : reader_(reader) { reader_.enter(); }
    ~Visit() { reader_.leave(); }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    Reader& reader_;
  };

  // Takes over what nobody can look up any more. It is freed here, or by a later call, on that call's thread.
  void retire(std::shared_ptr<void> object);
  // How many wait, after freeing what can be freed.
  [[nodiscard]] std::size_t waiting();

 private:
  struct Retired {
    std::shared_ptr<void> object;
    std::vector<std::pair<const Reader*, std::uint64_t>> visitors;  // who was inside, in which visit
  };

  // Takes what is free out of retired_; under mutex_. The caller destroys it without the lock.
  [[nodiscard]] std::vector<Retired> take_free();

  std::mutex mutex_;
  std::vector<Reader*> readers_;
  std::vector<Retired> retired_;
};

}  // namespace hesper::render
