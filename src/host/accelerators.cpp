// /dev/kvm and its self-test; macOS's Hypervisor framework, and who may use it.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "host/fact.h"
#include "host/qemu.h"
#include "host/text.h"

namespace hesper::host {
namespace {

constexpr const char* kKvm = "/dev/kvm";
// The test's own patience, and that of a busy host.
constexpr std::chrono::milliseconds kSelfTestPatience{15'000};

struct SelfTest {
  Fact<bool> works;
  std::string verdict;  // a sentence; empty if it works
};

SelfTest self_test(const System& system, const char* accelerator, const Qemu& qemu) {
  const std::vector<std::string> command = {"hesper", "self-test",           accelerator,
                                            "--qemu", qemu.program.native(), "--json"};
  const std::string source = line_of(command);
  // It ends with 1 if the accelerator does not work.
  const auto answer = system.run(command, kSelfTestPatience);
  if (!answer) return {.works = unknown<bool>(answer.error().message, source), .verdict = {}};
  const auto json = nlohmann::json::parse(answer->output, nullptr, false);
  if (!json.is_object() || !json.contains("works") || !json["works"].is_boolean())
    return {.works = unknown<bool>(fmt::format("The self-test ends with status {} without a verdict.", answer->status),
                                   source),
            .verdict = {}};
  const bool works = json["works"].get<bool>();
  SelfTest test{.works = known(works, source), .verdict = {}};
  if (const auto verdict = json.find("verdict"); !works && verdict != json.end() && verdict->is_string())
    test.verdict = shown(verdict->get_ref<const std::string&>(), 1024);
  test.works.why = test.verdict;
  return test;
}

const Qemu* own_qemu(const OperatingSystem& os, const std::vector<Qemu>& qemus) {
  const auto own = std::ranges::find_if(
      qemus, [&](const Qemu& each) { return os.architecture.is(std::string(vm::name_of(each.architecture))); });
  return own != qemus.end() ? &*own : nullptr;
}

Fact<bool> nested_virtualization(const System& system) {
  for (const char* module : {"kvm_intel", "kvm_amd"}) {
    const std::string file = fmt::format("/sys/module/{}/parameters/nested", module);
    const std::string text = line_or_nothing(system, file);
    if (!text.empty()) return known(text == "Y" || text == "1", file);
  }
  return unknown<bool>("KVM's module for this processor is not loaded, or does not tell.", "/sys/module");
}

void take_kvm(const System& system, const OperatingSystem& os, const Qemu* qemu, bool self_tests,
              Accelerators& accelerators) {
  accelerators.kvm_exists = exists(system, kKvm);
  accelerators.kvm_opens = opens(system, kKvm);
  const auto status = system.status(kKvm);
  accelerators.kvm_group = status ? known(status->group, kKvm) : unknown<std::string>(status.error().message, kKvm);
  accelerators.kvm_module = exists(system, "/sys/module/kvm");
  accelerators.nested = nested_virtualization(system);
  if (!accelerators.kvm_opens.is(true)) {
    accelerators.kvm_works = known(false, kKvm);
    accelerators.kvm_verdict = accelerators.kvm_works.why = accelerators.kvm_opens.why;
  } else if (qemu == nullptr) {
    accelerators.kvm_works = unknown<bool>(
        fmt::format("There is no QEMU for {} to try it with.", os.architecture.value_or("this host")), kKvm);
  } else if (!self_tests) {
    accelerators.kvm_works = unknown<bool>("It was not tried.", kKvm);
  } else {
    SelfTest test = self_test(system, "kvm", *qemu);
    accelerators.kvm_works = std::move(test.works);
    accelerators.kvm_verdict = std::move(test.verdict);
  }
}

void take_hvf(const System& system, const Qemu* qemu, bool self_tests, Accelerators& accelerators) {
  const std::vector<std::string> support = {"sysctl", "-n", "kern.hv_support"};
  const auto supported = output_of(system, support);
  accelerators.hvf_supported = supported ? known(trimmed(*supported) == "1", line_of(support))
                                         : unknown<bool>(supported.error().message, line_of(support));
  const std::vector<std::string> csrutil = {"csrutil", "status"};
  const auto text = output_of(system, csrutil);
  const auto sip = text ? sip_status(*text) : std::nullopt;
  accelerators.sip_enabled =
      sip ? known(*sip, line_of(csrutil))
          : unknown<bool>(text ? "'csrutil status' prints neither enabled nor disabled." : text.error().message,
                          line_of(csrutil));
  if (qemu == nullptr) {
    accelerators.hvf_entitled = unknown<bool>("There is no QEMU for this host's architecture.", "PATH");
    return;
  }
  const std::vector<std::string> codesign = {"codesign", "--display", "--entitlements",
                                             "-",        "--xml",     qemu->program.native()};
  // A program without a signature ends it with 1, and says so.
  const auto answer = system.run(codesign);
  if (answer && (answer->status == 0 || answer->errors.contains("not signed at all")))
    accelerators.hvf_entitled =
        known(answer->status == 0 && has_hypervisor_entitlement(answer->output), line_of(codesign));
  else
    accelerators.hvf_entitled =
        unknown<bool>(answer ? fmt::format("'codesign' ends with status {}.", answer->status) : answer.error().message,
                      line_of(codesign));
  if (self_tests && accelerators.hvf_supported.is(true))
    accelerators.hvf_verdict = self_test(system, "hvf", *qemu).verdict;
}

}  // namespace

bool has_hypervisor_entitlement(std::string_view entitlements) noexcept {
  constexpr std::string_view kKey = "<key>com.apple.security.hypervisor</key>";
  const std::size_t at = entitlements.find(kKey);
  if (at == std::string_view::npos) return false;
  return trimmed(entitlements.substr(at + kKey.size())).starts_with("<true");
}

std::optional<bool> sip_status(std::string_view text) noexcept {
  const auto status = value_of(text, "System Integrity Protection status", ':');
  if (!status) return std::nullopt;
  if (status->starts_with("enabled")) return true;
  if (status->starts_with("disabled")) return false;
  return std::nullopt;
}

Accelerators look_at_accelerators(const System& system, const OperatingSystem& os, const std::vector<Qemu>& qemus,
                                  bool self_tests) {
  Accelerators accelerators;
  const Qemu* const qemu = own_qemu(os, qemus);
  if (os.kind == platform::System::macos) {
    take_hvf(system, qemu, self_tests, accelerators);
    accelerators.kvm_exists = accelerators.kvm_opens = accelerators.kvm_works = known(false, "uname -srm");
    accelerators.kvm_module = accelerators.nested = unknown<bool>("macOS has no KVM.", "");
    accelerators.kvm_group = unknown<std::string>("macOS has no KVM.", "");
    return accelerators;
  }
  take_kvm(system, os, qemu, self_tests, accelerators);
  accelerators.hvf_supported = accelerators.hvf_entitled = accelerators.sip_enabled =
      unknown<bool>("This is for macOS.", "");
  return accelerators;
}

}  // namespace hesper::host
