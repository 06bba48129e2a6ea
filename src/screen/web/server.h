// Server: the screens of one guest in browsers: one TCP port with the page, its WebSocket and the metrics. Reads frames
// from a Source, gives input to an Input; knows no device.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "clipboard/clipboard.h"
#include "frame/ledger.h"
#include "frame/source.h"
#include "input/sink.h"

namespace hesper::screen::web {

struct Limits {
  std::size_t connections = 64;           // at once, viewers among them; the oldest without a token make room
  std::size_t viewers = 8;                // at once
  std::size_t header_bytes = 8192;        // of a request
  std::chrono::seconds request_time{10};  // for a request to arrive, TLS included, and for an answer to go
  std::chrono::seconds silence{30};       // after which a viewer that answers no ping counts as gone
};

struct ServerOptions {
  std::string title = "Hesper";       // of the page: the virtual machine's name
  std::string address = "127.0.0.1";  // to listen at: an IP address
  std::uint16_t port = 0;             // 0: one that is free
  bool allow_remote = false;          // the address may be another than loopback
  std::string token;                  // empty: a new one
  std::string view_token;             // empty: derived from it; with this one sees, and cannot type or point
  std::vector<std::string> names;  // host names under which the server may be asked for, beside addresses and localhost
  std::string tls_certificate;     // PEM files: the chain and its key; both or none
  std::string tls_key;
  // Of FFmpeg, those to prefer first; one that fails is not tried again for that viewer. Asked on viewers' threads,
  // where it may take its time.
  std::function<std::vector<std::string>()> encoders = [] { return std::vector<std::string>{"libx264", "libvpx-vp9"}; };
  double max_fps = 60;
  std::uint64_t max_bitrate = 40'000'000;  // bits a second, for one viewer
  Limits limits;
};

struct Premises;  // premises.h

// Any thread.
class Server {
 public:
  // Serves on threads of its own, at what was opened for the same options. source, input, clipboard and ledger outlive
  // it. input: nullptr: nobody can type. clipboard: nullptr: none is shared. Errors: the system has no thread or
  // descriptor left.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(ServerOptions options, Premises premises,
                                                             frame::Source& source, input::Input* input,
                                                             clipboard::Clipboard* clipboard, frame::Ledger& ledger);
  // Closes all connections and waits for the threads.
  virtual ~Server() = default;

  [[nodiscard]] virtual std::uint16_t port() const noexcept = 0;
  // For people, with a token.
  [[nodiscard]] virtual std::string url() const = 0;
  [[nodiscard]] virtual std::string view_only_url() const = 0;
};

}  // namespace hesper::screen::web
