// FakeHost: a fake driver for all inputs of a fuzz target, and the search for memory plans, which would take most of
// the time, done once. Handles of one input are never those of another.
#pragma once

#include <cstdio>
#include <memory>
#include <utility>

#include "base/check.h"
#include "fake_driver.h"
#include "render/prepared_host.h"

namespace hesper::fuzz {

struct FakeHost {
  fake::FakeDriver driver{{.record = false}};
  std::shared_ptr<const render::PreparedHost> plans = [this] {
    auto made = render::PreparedHost::create(render::ContextOptions{}, driver.loader());
    HESPER_CHECK(made.has_value());
    return std::move(*made);
  }();

  // Ends the process if the driver was given a handle that was not alive or not of the right type. Once no context is
  // left.
  void check() const {
    const auto violations = driver.violations();
    for (const std::string& each : violations) std::fprintf(stderr, "%s\n", each.c_str());
    HESPER_CHECK(violations.empty());
  }

  [[nodiscard]] static FakeHost& instance() {
    static FakeHost host;
    return host;
  }
};

}  // namespace hesper::fuzz
