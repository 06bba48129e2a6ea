// ContextServer: the worker's end of the link: drives one render::Context as hesper-gpu orders. Decodes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "link/order_reader.h"
#include "render/context.h"

namespace hesper::link {

enum class Ending : std::uint8_t {
  context_destroyed,  // hesper-gpu has closed the link
  link_broken,        // what came cannot be understood
  context_failed,     // there is none, or it is lost
};

class ContextServer {
 public:
  // Makes the context. name: for log lines. window_size: bytes.
  using CreateContext =
      std::function<Result<std::unique_ptr<render::Context>>(const std::string& name, std::uint64_t window_size)>;

  ContextServer(UniqueFd socket, CreateContext create_context);
  ContextServer(const ContextServer&) = delete;
  ContextServer& operator=(const ContextServer&) = delete;

  // Executes orders until there are no more. Logs why, if not because the context is destroyed. Once.
  [[nodiscard]] Ending serve();

  // Lets go of the context without taking it down, for a process that ends: the driver may wait for work that never
  // ends.
  void abandon() noexcept { static_cast<void>(context_.release()); }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::uint64_t submissions() const noexcept { return submissions_; }

 private:
  // Where callbacks of the context's other threads send their events; they may outlive the server.
  class Events;

  // False: it is no use going on; logged.
  [[nodiscard]] bool create(OrderReader::Received& received);
  [[nodiscard]] bool execute(OrderReader::Received& received);
  void attach(const Order& order, UniqueFd own_file);

  std::shared_ptr<Events> events_;
  OrderReader reader_;
  CreateContext create_context_;
  std::string name_ = "context";
  std::shared_ptr<const UniqueFd> window_;
  std::uint64_t submissions_ = 0;
  std::unique_ptr<render::Context> context_;
};

}  // namespace hesper::link
