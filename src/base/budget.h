// Budget: how many bytes may be held on somebody's behalf. Counts; allocates nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <utility>

namespace hesper {

// Any thread. Outlives its charges.
class Budget {
 public:
  // limit: bytes.
  explicit Budget(std::uint64_t limit = std::numeric_limits<std::uint64_t>::max()) noexcept : limit_(limit) {}
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  // False (and nothing is taken): the limit would be passed.
  [[nodiscard]] bool take(std::uint64_t bytes) noexcept {
    std::uint64_t used = used_.load(std::memory_order_relaxed);
    do {
      if (bytes > limit_ - used) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }
  void give(std::uint64_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  [[nodiscard]] std::uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }

  // Bytes that were taken; the destructor gives them back.
  class Charge {
   public:
    Charge() noexcept = default;
    // Takes; false as a bool if the limit would be passed.
    Charge(Budget& budget, std::uint64_t bytes) noexcept
        : budget_(budget.take(bytes) ? &budget : nullptr), bytes_(bytes) {}
    Charge(Charge&& from) noexcept : budget_(std::exchange(from.budget_, nullptr)), bytes_(from.bytes_) {}
    Charge& operator=(Charge from) noexcept {
      std::swap(budget_, from.budget_);
      std::swap(bytes_, from.bytes_);
      return *this;
    }
    ~Charge() {
      if (budget_ != nullptr) budget_->give(bytes_);
    }
    explicit operator bool() const noexcept { return budget_ != nullptr; }

   private:
    Budget* budget_ = nullptr;
    std::uint64_t bytes_ = 0;
  };

 private:
  const std::uint64_t limit_;
  std::atomic<std::uint64_t> used_{0};
};

}  // namespace hesper
