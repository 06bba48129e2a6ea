// WindowFile: the file behind the host-visible window, and which of its bytes somebody still uses. The guest chooses
// the places; whether they overlap is gpu::Window's to check.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <span>

#include "base/error.h"
#include "base/unique_fd.h"
#include "gpu/context_host.h"
#include "platform/event_loop.h"
#include "platform/shared_memory.h"

namespace hesper::device {

// The loop's thread. Outlives its uses and requests.
//
// A range that a blob has left may still be written to by the worker that had it. So it stays in use until nobody holds
// it, and whoever wants its bytes next waits for that. In between they are zeroed, and their pages go back to the host.
class WindowFile {
 public:
  // fd: of a file of `size` bytes (> 0) that cannot shrink. loop outlives it. Errors: it cannot be mapped.
  [[nodiscard]] static Result<std::unique_ptr<WindowFile>> create(platform::EventLoop& loop, UniqueFd fd,
                                                                  std::uint64_t size);

  // Keeps the range from others; the last copy gives it back.
  class Use {
   public:
    Use(WindowFile& file, const gpu::WindowRange& range) noexcept : file_(file), range_(range) {}
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() { file_.give(range_); }

    [[nodiscard]] const gpu::WindowRange& range() const noexcept { return range_; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
      return file_.mapping_.bytes().subspan(range_.offset, range_.size);
    }

   private:
    WindowFile& file_;
    const gpu::WindowRange range_;
  };

  using Granted = std::function<void(std::shared_ptr<const Use>)>;
  // Waits for a range; destroying it ends that.
  class Request {
   public:
    Request(WindowFile& file, const gpu::WindowRange& range, Granted granted)
        : file_(file), range_(range), granted_(std::move(granted)) {
      file_.requests_.push_back(this);
    }
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;
    ~Request() { file_.requests_.remove(this); }

   private:
    friend class WindowFile;
    WindowFile& file_;
    const gpu::WindowRange range_;
    Granted granted_;
  };

  // range: inside the file. nullptr: somebody uses a byte of it, so ask().
  [[nodiscard]] std::shared_ptr<const Use> take(const gpu::WindowRange& range);
  // Calls `granted` when nobody does; never from within another call of this.
  [[nodiscard]] std::unique_ptr<Request> ask(const gpu::WindowRange& range, Granted granted) {
    return std::make_unique<Request>(*this, range, std::move(granted));
  }

  // Borrowed; shared with workers.
  [[nodiscard]] const std::shared_ptr<const UniqueFd>& fd() const noexcept { return fd_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return mapping_.size(); }  // bytes
  // How many ranges are in use.
  [[nodiscard]] std::size_t uses() const noexcept { return used_.size(); }

 private:
  WindowFile(platform::EventLoop& loop, UniqueFd fd, platform::Mapping mapping) noexcept
      : loop_(loop), fd_(std::make_shared<const UniqueFd>(std::move(fd))), mapping_(std::move(mapping)) {}

  [[nodiscard]] bool is_free(const gpu::WindowRange& range) const noexcept;
  void give(const gpu::WindowRange& range);
  void grant();

  platform::EventLoop& loop_;
  std::shared_ptr<const UniqueFd> fd_;
  platform::Mapping mapping_;
  std::map<std::uint64_t, std::uint64_t> used_;  // offset to size
  std::list<Request*> requests_;                 // in the order in which they came
  bool grant_posted_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // what is posted holds it weakly
};

}  // namespace hesper::device
