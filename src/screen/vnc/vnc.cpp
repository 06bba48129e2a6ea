// open_vnc(): the server as an output.
#include "screen/vnc/vnc.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "screen/vnc/server.h"

namespace hesper::screen {
namespace {

class VncOutput final : public Output {
 public:
  explicit VncOutput(std::unique_ptr<vnc::Server> server) noexcept : server_(std::move(server)) {}
  std::string describe() const override { return fmt::format("vnc: {}", fmt::join(server_->addresses(), ", ")); }

 private:
  std::unique_ptr<vnc::Server> server_;
};

}  // namespace

Result<std::unique_ptr<Output>> open_vnc(const VncOptions& options, Shown shown) {
  auto server = vnc::Server::start(options, shown);
  if (!server) return std::unexpected(std::move(server.error()));
  return std::make_unique<VncOutput>(std::move(*server));
}

}  // namespace hesper::screen
