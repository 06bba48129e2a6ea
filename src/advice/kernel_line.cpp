// Boot loaders and generators of initramfs, as their manuals have it: GNU GRUB's and Debian's grub.d, Fedora's grubby,
// systemd's kernel-install(8), Pop!_OS's kernelstub, rpm-ostree's kargs, Raspberry Pi's cmdline.txt;
// initramfs-tools(7), dracut.conf(5), mkinitcpio.conf(5).
#include "advice/kernel_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "advice/distribution.h"

namespace hesper::advice {
namespace {

constexpr std::string_view kGrubVariable = "GRUB_CMDLINE_LINUX_DEFAULT";

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

bool is_debian(std::optional<Family> family) { return family == Family::debian || family == Family::ubuntu; }
bool is_fedora(std::optional<Family> family) { return family == Family::fedora || family == Family::red_hat; }

std::string grub_makes_menu(std::optional<Family> family) {
  if (is_debian(family)) return "sudo update-grub";
  if (family == Family::suse) return "sudo grub2-mkconfig -o /boot/grub2/grub.cfg";
  return "sudo grub-mkconfig -o /boot/grub/grub.cfg";
}

// Files of one line, or with one that matters; sed keeps the rest as it is.
void edit_by_sed(Step& step, std::string_view add, std::string_view remove, std::string_view files) {
  step.commands.push_back(fmt::format("sudo sed -i -E '{}' {}", add, files));
  step.undo.push_back(fmt::format("sudo sed -i -E '{}' {}", remove, files));
}

void edit_entries(Step& step, std::string_view words) {
  edit_by_sed(step, fmt::format("s/^options .*/& {}/", words), fmt::format("/^options /s/ {}//", words),
              "/boot/loader/entries/*.conf");
  // What kernel-install(8) gives to kernels to come.
  step.commands.push_back(
      fmt::format("[ ! -f /etc/kernel/cmdline ] || sudo sed -i -E '1s/$/ {}/' /etc/kernel/cmdline", words));
  step.undo.push_back(
      fmt::format("[ ! -f /etc/kernel/cmdline ] || sudo sed -i -E '1s/ {}//' /etc/kernel/cmdline", words));
}

std::string ostree_command(std::string_view what, const std::vector<std::string>& words) {
  std::string command = "sudo rpm-ostree kargs";
  for (const std::string& word : words) command += fmt::format(" --{}={}", what, word);
  return command;
}

// Pop!_OS writes the entries of systemd-boot by a program of its own.
bool has_kernelstub(const host::OperatingSystem& system) {
  return system.distribution.is("pop") && system.boot_loader.is("systemd-boot");
}

Step by_hand(std::string_view what, std::string_view words) {
  Step step;
  step.commands.push_back(
      fmt::format("# {} the kernel's command line, as your boot loader's manual says: {}", what, words));
  step.takes = Takes::reboot;
  return step;
}

}  // namespace

Step add_kernel_words(const host::OperatingSystem& system, std::string_view name,
                      const std::vector<std::string>& words) {
  const std::string text = joined(words);
  const std::string loader = system.boot_loader.value_or("");
  const std::optional<Family> family = family_of(system);
  Step step;
  step.takes = Takes::reboot;
  step.if_it_fails =
      "Press e in the boot loader's menu (or Esc or Shift for the menu), take these words away from the line that "
      "begins with linux or options, and boot; then undo this.";
  if (family == Family::nix) {
    step.commands.push_back(
        fmt::format("# In /etc/nixos/configuration.nix: boot.kernelParams = [ \"{}\" ]; then: sudo nixos-rebuild boot",
                    fmt::join(words, "\" \"")));
    step.undo.emplace_back("sudo nixos-rebuild boot --rollback");
  } else if (loader == "ostree") {
    step.commands.push_back(ostree_command("append", words));
    step.undo.push_back(ostree_command("delete", words));
  } else if (has_kernelstub(system)) {
    step.commands.push_back(fmt::format("sudo kernelstub --add-options '{}'", text));
    step.undo.push_back(fmt::format("sudo kernelstub --delete-options '{}'", text));
  } else if (loader == "raspberry-pi") {
    edit_by_sed(step, fmt::format("1s/$/ {}/", text), fmt::format("1s/ {}//", text), "/boot/firmware/cmdline.txt");
    step.if_it_fails = "Put the card into another computer and edit cmdline.txt there.";
  } else if (loader == "systemd-boot") {
    edit_entries(step, text);
  } else if (loader == "grub" && is_fedora(family)) {
    step.commands.push_back(fmt::format("sudo grubby --update-kernel=ALL --args='{}'", text));
    step.undo.push_back(fmt::format("sudo grubby --update-kernel=ALL --remove-args='{}'", text));
  } else if (loader == "grub" && is_debian(family)) {
    // Sourced after /etc/default/grub.
    const std::string path = fmt::format("/etc/default/grub.d/hesper-{}.cfg", name);
    step.files.push_back(
        {.path = path, .contents = fmt::format("{0}=\"${0} {1}\"\n", kGrubVariable, text), .mode = 0644});
    step.commands.push_back(grub_makes_menu(family));
    step.undo = {fmt::format("sudo rm -f {}", path), grub_makes_menu(family)};
  } else if (loader == "grub") {
    edit_by_sed(step, fmt::format("s/^({}=\"[^\"]*)\"/\\1 {}\"/", kGrubVariable, text),
                fmt::format("/^{}=/s/ {}//", kGrubVariable, text), "/etc/default/grub");
    step.commands.push_back(grub_makes_menu(family));
    step.undo.push_back(grub_makes_menu(family));
  } else {
    step = by_hand("Add to", text);
  }
  return step;
}

Step remove_kernel_word(const host::OperatingSystem& system, std::string_view word) {
  const std::string loader = system.boot_loader.value_or("");
  const std::optional<Family> family = family_of(system);
  Step step;
  step.takes = Takes::reboot;
  if (loader == "ostree") {
    step.commands.push_back(ostree_command("delete", {std::string(word)}));
    step.undo.push_back(ostree_command("append", {std::string(word)}));
  } else if (has_kernelstub(system)) {
    step.commands.push_back(fmt::format("sudo kernelstub --delete-options '{}'", word));
    step.undo.push_back(fmt::format("sudo kernelstub --add-options '{}'", word));
  } else if (loader == "grub" && is_fedora(family)) {
    step.commands.push_back(fmt::format("sudo grubby --update-kernel=ALL --remove-args='{}'", word));
    step.undo.push_back(fmt::format("sudo grubby --update-kernel=ALL --args='{}'", word));
  } else if (loader == "grub") {
    step.commands.push_back(
        fmt::format("sudo sed -i -E '/^GRUB_CMDLINE_LINUX/s/ ?\\b{}\\b//' /etc/default/grub", word));
    step.commands.push_back(grub_makes_menu(family));
    const Step back = add_kernel_words(system, "restored", {std::string(word)});
    for (const WrittenFile& file : back.files) {
      step.undo.push_back(fmt::format("echo '{}' | sudo tee {} >/dev/null",
                                      std::string_view(file.contents).substr(0, file.contents.size() - 1),
                                      file.path.native()));
    }
    step.undo.insert(step.undo.end(), back.commands.begin(), back.commands.end());
  } else if (loader == "systemd-boot") {
    step.commands.push_back(fmt::format("sudo sed -i -E '/^options /s/ {}\\b//' /boot/loader/entries/*.conf", word));
    step.undo.push_back(fmt::format("sudo sed -i -E 's/^options .*/& {}/' /boot/loader/entries/*.conf", word));
  } else {
    step = by_hand("Take away from", word);
  }
  return step;
}

std::optional<Initramfs> initramfs_with(const host::OperatingSystem& system, std::string_view name,
                                        std::string_view module) {
  const std::string generator = system.initramfs.value_or("");
  if (generator == "initramfs-tools") {
    return Initramfs{.file = {.path = fmt::format("/etc/initramfs-tools/hooks/{}", name),
                              .contents = fmt::format("#!/bin/sh\n"
                                                      "[ \"$1\" != prereqs ] || exit 0\n"
                                                      ". /usr/share/initramfs-tools/hook-functions\n"
                                                      "manual_add_modules {}\n",
                                                      module),
                              .mode = 0755},
                     .rebuild = {"update-initramfs", "-u", "-k", "all"}};
  }
  if (generator == "dracut") {
    return Initramfs{.file = {.path = fmt::format("/etc/dracut.conf.d/{}.conf", name),
                              .contents = fmt::format("add_drivers+=\" {} \"\n", module),
                              .mode = 0644},
                     .rebuild = {"dracut", "--force", "--regenerate-all"}};
  }
  if (generator == "mkinitcpio") {
    std::string symbol(module);
    std::ranges::replace(symbol, '-', '_');
    return Initramfs{.file = {.path = fmt::format("/etc/mkinitcpio.conf.d/{}.conf", name),
                              .contents = fmt::format("MODULES+=({})\n", symbol),
                              .mode = 0644},
                     .rebuild = {"mkinitcpio", "--allpresets"}};
  }
  return std::nullopt;
}

}  // namespace hesper::advice
