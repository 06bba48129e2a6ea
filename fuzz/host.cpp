// A host that is described by anything: whatever its files hold and its commands print, there are facts about it,
// findings and options, all of which can be printed.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "advice/findings.h"
#include "advice/options.h"
#include "advice/passthrough.h"
#include "base/check.h"
#include "host/description.h"
#include "host/gather.h"
#include "host/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hesper;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto described = host::described_system(text);
  if (!described) {
    HESPER_CHECK(host::is_text(described.error().message));
    return 0;
  }
  const auto recorder = host::Recorder::create(**described);
  const host::Facts facts = host::gather_facts(*recorder);
  HESPER_CHECK(host::is_text(host::to_json(facts).dump()));
  HESPER_CHECK(host::described_system(recorder->description()).has_value());
  const auto findings = advice::findings(facts);
  (void)advice::verdict_of(facts, findings);
  (void)advice::steps_of(findings);
  for (const auto guest : {advice::GuestSystem::linux, advice::GuestSystem::macos})
    (void)advice::options(facts, {.guest = guest});
  for (const host::Gpu& gpu : facts.gpus) {
    if (gpu.pci) (void)advice::plan_passthrough(facts, {.address = gpu.pci->address});
  }
  return 0;
}
