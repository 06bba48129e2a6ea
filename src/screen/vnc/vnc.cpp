// prepare_vnc(): the server as an output.
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

Result<Prepared> prepare_vnc(const VncOptions& options, const Preparing& preparing) {
  auto prepared = vnc::Server::prepare(options, preparing);
  if (!prepared) return std::unexpected(std::move(prepared.error()));
  return [server = std::make_shared<std::unique_ptr<vnc::Server>>(std::move(*prepared))](
             const Shown& shown) -> Result<std::unique_ptr<Output>> {
    if (auto started = (*server)->start(shown); !started) return std::unexpected(std::move(started.error()));
    return std::make_unique<VncOutput>(std::move(*server));
  };
}

}  // namespace hesper::screen
