// Connection: one vtest client, from its first byte to its last. The only place that reads what a client sends; the
// Venus commands inside go to render::Context unread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "render/context.h"
#include "vtest/protocol.h"
#include "vtest/sync_table.h"
#include "wire/capset.h"

namespace hesper::vtest {

struct ConnectionOptions {
  // Makes the client's context, once. name: what the client calls itself, fit for log lines.
  // An error reaches the client as "no such capset", which Venus reports as VK_ERROR_INITIALIZATION_FAILED.
  std::function<Result<std::unique_ptr<render::Context>>(const std::string& name)> create_context;
  std::array<std::byte, wire::kCapsetSize> capset{};  // what GET_CAPSET answers: wire::capset()
};

enum class Ending : std::uint8_t {
  client_left,      // closed its socket
  client_at_fault,  // sent something malformed, or does not read its replies
  renderer_failed,  // the context became fatal
};

struct Statistics {
  std::uint64_t submissions = 0;
  std::uint64_t blobs = 0;
  std::uint64_t blob_bytes = 0;
};

class Connection {
 public:
  static constexpr std::size_t kMaxSubmissionWords = std::size_t{16} << 20;  // 64 MiB
  static constexpr std::size_t kMaxNameBytes = 4096;
  static constexpr std::size_t kMaxBlobs = 65536;
  static constexpr std::size_t kMaxWaitPoints = 4096;
  static constexpr std::size_t kMaxPendingPoints = 65536;  // of all fences that are not complete

  // socket: connected and blocking. The process must ignore SIGPIPE.
  [[nodiscard]] static Result<std::unique_ptr<Connection>> create(UniqueFd socket, ConnectionOptions options);

  // Serves until the connection is over; logs one line with command and reason if that is not by the client's wish.
  // What the client last sent may be left unread: closing the last copy of the socket then resets the connection,
  // which ends a Venus client, whereas a mere end of file would make it spin. Call once.
  [[nodiscard]] Ending serve();

  // "client" until it told its name. Printable, at most 64 bytes.
  [[nodiscard]] const std::string& client_name() const noexcept { return name_; }
  [[nodiscard]] const Statistics& statistics() const noexcept { return statistics_; }

 private:
  // Why serving ends.
  struct Stop {
    Ending ending;
    std::string reason;  // a sentence; empty if the client left in good order
  };
  using Step = std::expected<void, Stop>;
  using Words = std::span<const std::uint32_t>;
  struct Entry;  // a row of the command table in connection.cpp

  Connection(UniqueFd socket, ConnectionOptions options, std::unique_ptr<SyncTable> syncs) noexcept
      : socket_(std::move(socket)), options_(std::move(options)), syncs_(std::move(syncs)) {}

  static const Entry kCommands[];
  [[nodiscard]] static const Entry* find_command(std::uint32_t number) noexcept;

  [[nodiscard]] static std::unexpected<Stop> at_fault(std::string reason);
  [[nodiscard]] static std::unexpected<Stop> left_in_the_middle();

  [[nodiscard]] Step serve_message();
  [[nodiscard]] Step receive_payload(std::size_t bytes);
  [[nodiscard]] Step reply(Command command, Words words);
  [[nodiscard]] Step reply_fd(const UniqueFd& fd);

  [[nodiscard]] Step create_renderer(Words name);
  [[nodiscard]] Step ping_protocol_version(Words);
  [[nodiscard]] Step protocol_version(Words payload);
  [[nodiscard]] Step get_param(Words payload);
  [[nodiscard]] Step get_capset(Words payload);
  [[nodiscard]] Step context_init(Words payload);
  [[nodiscard]] Step resource_create_blob(Words payload);
  [[nodiscard]] Step resource_unref(Words payload);
  [[nodiscard]] Step resource_busy_wait(Words);
  [[nodiscard]] Step sync_create(Words payload);
  [[nodiscard]] Step sync_unref(Words payload);
  [[nodiscard]] Step sync_read(Words payload);
  [[nodiscard]] Step sync_write(Words payload);
  [[nodiscard]] Step sync_wait(Words payload);
  [[nodiscard]] Step submit_cmd2(Words payload);

  bool ensure_context();
  [[nodiscard]] std::expected<std::vector<SyncPoint>, Stop> known_points(Words triples) const;
  [[nodiscard]] Result<UniqueFd> create_blob(const render::BlobRequest& request);

  UniqueFd socket_;
  ConnectionOptions options_;
  std::unique_ptr<SyncTable> syncs_;            // outlives the context, whose fences write to it
  std::atomic<std::size_t> pending_points_{0};  // the same
  std::unique_ptr<render::Context> context_;
  std::string name_ = "client";
  bool has_renderer_ = false;         // CREATE_RENDERER came
  bool context_failed_ = false;       // create_context refused; not tried again
  bool has_context_ = false;          // CONTEXT_INIT came
  std::uint32_t client_version_ = 0;  // what it asked for; 0: not yet
  std::uint32_t last_resource_ = 0;
  std::unordered_set<std::uint32_t> resources_;
  std::vector<std::uint32_t> payload_;  // of the current message
  Statistics statistics_;
};

}  // namespace hesper::vtest
