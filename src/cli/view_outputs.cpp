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

// The member is set: the user wants it; it is what `prepare` takes.
template <auto member, auto prepare>
constexpr OutputKind kind() {
  return {.wanted = [](const ViewOptions& options) { return (options.*member).has_value(); },
          .prepare = [](const ViewOptions& options,
                        const screen::Preparing& preparing) { return prepare(*(options.*member), preparing); }};
}

constexpr std::array kKinds = {
    kind<&ViewOptions::record, screen::prepare_recording>(), kind<&ViewOptions::trace, screen::prepare_trace>(),
    kind<&ViewOptions::vnc, screen::prepare_vnc>(),          kind<&ViewOptions::web, screen::prepare_web>(),
    kind<&ViewOptions::window, screen::prepare_window>(),
};

}  // namespace

std::span<const OutputKind> output_kinds() noexcept { return kKinds; }

}  // namespace hesper::cli
