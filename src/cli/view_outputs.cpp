// The list of outputs.
#include "cli/view_outputs.h"

#include <array>
#include <utility>

#include "screen/record/record.h"
#include "screen/trace/trace.h"
#include "screen/vnc/vnc.h"
#include "screen/web/web.h"
#include "screen/window/window.h"

namespace hesper::cli {
namespace {

// The member is set: the user wants it; it is what `open` takes.
template <auto member, auto open>
constexpr OutputKind kind() {
  return {.wanted = [](const ViewOptions& options) { return (options.*member).has_value(); },
          .open = [](const ViewOptions& options,
                     screen::Shown shown) { return open(*(options.*member), std::move(shown)); }};
}

constexpr std::array kKinds = {
    kind<&ViewOptions::record, screen::open_recording>(), kind<&ViewOptions::trace, screen::open_trace>(),
    kind<&ViewOptions::vnc, screen::open_vnc>(),          kind<&ViewOptions::web, screen::open_web>(),
    kind<&ViewOptions::window, screen::open_window>(),
};

}  // namespace

std::span<const OutputKind> output_kinds() noexcept { return kKinds; }

}  // namespace hesper::cli
