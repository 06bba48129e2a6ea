// Access to device nodes: which group to join, and what to do where there is none. Pure functions.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "advice/step.h"
#include "host/facts.h"

namespace hesper::advice {

struct Device {
  std::filesystem::path path;  // "/dev/kvm"
  std::string group;           // that the node has, by name or number; empty: unknown
  std::string usual_group;     // that distributions give such nodes
  std::string rule;            // which nodes a udev rule is to match: KERNEL=="kvm"
};

// What lets the user of these facts open it. Nothing: root may not either, or names that no shell takes.
[[nodiscard]] std::optional<Step> access_step(const host::Facts& facts, const Device& device);

// "which is open to the group kvm", "which is open to root only"
[[nodiscard]] std::string access_text(const Device& device);

}  // namespace hesper::advice
