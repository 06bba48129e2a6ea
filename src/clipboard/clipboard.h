// Clipboard: the guest's, as viewers see it: text that is copied there comes to them, text of theirs goes there. Knows
// no agent and no window system. What is copied is in no log.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace hesper::clipboard {

// What works now: an agent runs in the guest, and the user allows it.
struct Ways {
  bool to_guest = false;
  bool from_guest = false;
  friend bool operator==(const Ways&, const Ways&) = default;
};

// UTF-8 with '\n' at the ends of lines, without NUL; not empty.
using Text = std::shared_ptr<const std::string>;

// A viewer that may type. Any thread, one at a time; never waits.
class Holder {
 public:
  virtual ~Holder() = default;
  // The viewer's own clipboard has this now, in UTF-8 with any ends of lines. The guest gets it when one of its
  // programs asks for it, until somebody else copies something. What is no text, empty, or longer than most_bytes() is
  // dropped.
  virtual void offer(std::string text) = 0;
};

// Called on any thread; must not call back, nor wait for a lock that is held while the holder is destroyed. Not called
// once it is.
struct Listener {
  std::function<void(Ways)> on_ways;  // soon with the present state, and when it changes
  // The guest has copied this. Only what it copies from now on, so that a viewer that comes keeps its own clipboard.
  std::function<void(Text)> on_text;
};

// Where viewers get their Holder from. Any thread. Outlives the holders.
class Clipboard {
 public:
  virtual ~Clipboard() = default;
  [[nodiscard]] virtual std::unique_ptr<Holder> join(Listener listener) = 0;
  // Of a text; longer ones go neither way.
  [[nodiscard]] virtual std::size_t most_bytes() const noexcept = 0;
};

}  // namespace hesper::clipboard
