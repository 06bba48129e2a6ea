// Hall: what all connections of one server share: its options, where pictures come from and input goes, who is here,
// and what was counted. The server's thread only, but for what it refers to.
#pragma once

#include <cstdint>
#include <list>
#include <utility>

#include "clipboard/clipboard.h"
#include "frame/ledger.h"
#include "frame/source.h"
#include "input/sink.h"
#include "screen/web/asio.h"
#include "screen/web/gate.h"
#include "screen/web/refusals.h"
#include "screen/web/server.h"

namespace hesper::screen::web {

class Connection;
class Viewer;

struct Hall {
  Hall(ServerOptions with, frame::Source& from, input::Input* to, clipboard::Clipboard* shared, frame::Ledger& book)
      : options(std::move(with)),
        tokens(options.token, options.view_token),
        source(from),
        input(to),
        clipboard(shared),
        ledger(book) {}

  ServerOptions options;
  Tokens tokens;
  frame::Source& source;
  input::Input* input;              // nullptr: nobody can type
  clipboard::Clipboard* clipboard;  // nullptr: none is shared
  frame::Ledger& ledger;
  asio::io_context io{1};
  Refusals refusals;
  std::list<Connection*> connections;  // oldest first
  std::list<Viewer*> viewers;          // likewise
  std::uint32_t viewers_ever = 0;
  std::uint64_t connections_ever = 0;
};

}  // namespace hesper::screen::web
