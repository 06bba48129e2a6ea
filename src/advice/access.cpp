// Groups and udev rules.
#include "advice/access.h"

#include <fmt/format.h>

#include <algorithm>

#include "advice/distribution.h"
#include "advice/finding_list.h"

namespace hesper::advice {
namespace {

bool is_number(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Nobody joins these. In a user namespace nogroup is what a group of the outer host is called.
bool can_be_joined(const std::string& group) {
  return can_be_typed(group) && group != "root" && group != "nogroup" && group != "nobody" && !is_number(group);
}

Step join_step(const host::Facts& facts, const Device& device) {
  const std::string user = shell_word(facts.user.name);
  const std::string group = shell_word(device.group);
  Step step{.title = fmt::format("Become a member of the group {}", device.group),
            .reason = fmt::format("Its members may use {}.", device.path.native()),
            .files = {},
            .commands = {fmt::format("sudo usermod -aG {} {}", group, user)},
            .undo = {fmt::format("sudo gpasswd -d {} {}", user, group)},
            .takes = Takes::new_login,
            .if_it_fails = {}};
  const auto family = family_of(facts.system);
  if (family == Family::alpine) {
    step.commands = {fmt::format("sudo addgroup {} {}", user, group)};
    step.undo = {fmt::format("sudo delgroup {} {}", user, group)};
  } else if (family == Family::nix) {
    step.commands = {fmt::format("# In /etc/nixos/configuration.nix: users.users.{}.extraGroups = [ \"{}\" ];",
                                 facts.user.name, device.group),
                     "sudo nixos-rebuild switch"};
    step.undo = {};
  } else {
    step.if_it_fails = "Where a new login changes nothing, an old session still runs: restart the host.";
  }
  return step;
}

Step container_step(const Device& device) {
  std::string option = fmt::format("--device {}", shell_word(device.path.native()));
  if (can_be_typed(device.group) && device.group != "root") option += fmt::format(" --group-add {}", device.group);
  return {.title = fmt::format("Give the container {}", device.path.native()),
          .reason = "This is typed where the container is started, and not in it.",
          .files = {},
          .commands = {fmt::format("# docker run {} ...", option)},
          .undo = {},
          .takes = Takes::effect_at_once,
          .if_it_fails = {}};
}

Step rule_step(const Device& device) {
  const std::string file = fmt::format("/etc/udev/rules.d/70-hesper-{}.rules", device.usual_group);
  return {.title = fmt::format("Open {} to the group {}", device.path.native(), device.usual_group),
          .reason = "Only root may use it now.",
          .files = {{.path = file,
                     .contents = fmt::format("{}, GROUP=\"{}\", MODE=\"0660\"\n", device.rule, device.usual_group)}},
          .commands = {fmt::format("sudo groupadd -f -r {}", device.usual_group), "sudo udevadm control --reload",
                       "sudo udevadm trigger"},
          .undo = {fmt::format("sudo rm {}", file), "sudo udevadm control --reload", "sudo udevadm trigger"},
          .takes = Takes::effect_at_once,
          .if_it_fails = {}};
}

}  // namespace

std::optional<Step> access_step(const host::Facts& facts, const Device& device) {
  if (!can_be_typed(device.path.native())) return std::nullopt;
  if (facts.system.surroundings.is(host::Surroundings::container)) return container_step(device);
  if (facts.user.id == 0 || !can_be_typed(facts.user.name)) return std::nullopt;
  if (can_be_joined(device.group)) return join_step(facts, device);
  if (device.rule.empty() || !is_linux(facts)) return std::nullopt;
  Step step = rule_step(device);
  Device then = device;
  then.group = device.usual_group;
  const Step join = join_step(facts, then);
  step.commands.insert(step.commands.end(), join.commands.begin(), join.commands.end());
  step.undo.insert(step.undo.begin(), join.undo.begin(), join.undo.end());
  step.takes = join.takes;
  return step;
}

std::string access_text(const Device& device) {
  if (device.group.empty()) return "which this user may not open";
  if (device.group == "root") return "which is open to root only";
  return fmt::format("which is open to the group {}", device.group);
}

}  // namespace hesper::advice
