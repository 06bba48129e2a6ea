// DisplayFan: tells several displays what one is told. Knows none of them.
#pragma once

#include <utility>
#include <vector>

#include "gpu/display.h"

namespace hesper::device {

class DisplayFan final : public gpu::Display {
 public:
  // In the order in which they are told; all outlive the fan.
  explicit DisplayFan(std::vector<gpu::Display*> displays) : displays_(std::move(displays)) {}

  void set_scanout(std::uint32_t scanout, const gpu::Picture* picture, const gpu::Rect& part) override {
    for (gpu::Display* display : displays_) display->set_scanout(scanout, picture, part);
  }
  void flushed(std::uint32_t scanout, const gpu::Rect& damage) override {
    for (gpu::Display* display : displays_) display->flushed(scanout, damage);
  }
  void set_cursor(std::uint32_t scanout, const gpu::Cursor* cursor, gpu::Point position) override {
    for (gpu::Display* display : displays_) display->set_cursor(scanout, cursor, position);
  }
  void move_cursor(std::uint32_t scanout, gpu::Point position) override {
    for (gpu::Display* display : displays_) display->move_cursor(scanout, position);
  }

 private:
  std::vector<gpu::Display*> displays_;
};

}  // namespace hesper::device
