// Output: one way to show a guest's screens to people: a page in a browser, a VNC server, windows, a recording. Knows
// no kind of it; src/cli/view_outputs.cpp has the list of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "clipboard/clipboard.h"
#include "frame/ledger.h"
#include "frame/source.h"
#include "input/sink.h"
#include "platform/errands.h"
#include "screen/state.h"

namespace hesper::screen {

// What an output is given. All of it outlives the output.
struct Shown {
  frame::Source& source;
  input::Input& input;
  clipboard::Clipboard* clipboard = nullptr;  // nullptr: none is shared
  frame::Ledger& ledger;
  State& state;
  std::string name;  // of the virtual machine, for titles; may be empty
  // The video encoders to prefer for browsers, of those that work on this host. The first call finds out, which takes a
  // moment. Any thread.
  std::function<std::vector<std::string>()> encoders;
  // To be called once, by any thread, when the output is over by itself: its last window was closed, its recording is
  // complete. It is destroyed soon after, by another thread. hesper-view ends with its last output.
  std::function<void()> over;
};

// Made by what was prepared for it (below), which fails with a sentence if it cannot do what the user asked for. From
// then on it works by threads of its own, until it is destroyed, which finishes what it has begun: files are
// complete, sockets closed, threads joined. When the device is gone (News::ended), it need not do anything:
// hesper-view ends then.
class Output {
 public:
  virtual ~Output() = default;
  // One line for people, without a full stop: "web: http://127.0.0.1:8080/?token=..."; empty: nothing is to be said.
  [[nodiscard]] virtual std::string describe() const = 0;
  // Called once, before it is destroyed, for outputs that must have brought something to an end. Errors: the user does
  // not have what he asked for.
  [[nodiscard]] virtual Result<void> finish() { return {}; }
};

// What an output opens, by path or by address, it opens in two steps, as hesper-view may confine itself between them:
// it is prepared by a function `prepare_x(options, Preparing)`, which opens what there is to open now, and has done by
// an errand what there may be later. Nothing has been started then: no thread, no device, no codec.
struct Preparing {
  State& state;
  platform::Errands& errands;
};
// To be called once. Errors: as sentences.
using Prepared = std::function<Result<std::unique_ptr<Output>>(Shown)>;

}  // namespace hesper::screen
