// ViewReports: what an hesper-view tells those who ask how it is doing, `hesper top` for one: a line of JSON for each
// connection.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "frame/ledger.h"
#include "platform/event_loop.h"
#include "platform/socket.h"

namespace hesper::cli {

// The loop's thread. loop and ledger outlive it.
class ViewReports {
 public:
  // listener: where those who ask connect.
  ViewReports(platform::EventLoop& loop, frame::Ledger& ledger, platform::Listener listener);
  ViewReports(const ViewReports&) = delete;
  ViewReports& operator=(const ViewReports&) = delete;

 private:
  void report();

  platform::Listener listener_;
  frame::Ledger& ledger_;
  platform::EventLoop::Watch watch_;
};

// The line, without its end: {"process": N, "outputs": [{"name", "display", "frames", ...}]}; times in milliseconds.
[[nodiscard]] std::string to_json(const std::vector<frame::OutputReport>& reports);

// Where the hesper-view reports that hesper run has started, if it has: beside the socket of its hesper gpu.
[[nodiscard]] std::filesystem::path view_reports(const std::filesystem::path& gpu_socket);

// The other end. socket: where an hesper-view reports. Errors: nobody answers there, or not by the rules.
[[nodiscard]] Result<std::string> ask_view(const std::filesystem::path& socket);

}  // namespace hesper::cli
