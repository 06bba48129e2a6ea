// FindingList: how findings are written down while a host is judged, and the judges themselves, a file each
// (findings_*.cpp). Only for findings.cpp and them, and for what options ask as they do.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "advice/findings.h"
#include "host/facts.h"

namespace hesper::advice {

class FindingList {
 public:
  explicit FindingList(std::vector<Finding>& findings) : findings_(findings) {}

  Finding& ok(Area area, std::string id, std::string sentence) {
    return add({.id = std::move(id), .area = area, .severity = Severity::ok, .sentence = std::move(sentence)});
  }
  Finding& better(Area area, std::string id, std::string sentence, std::string effect) {
    return add({.id = std::move(id),
                .area = area,
                .severity = Severity::could_be_better,
                .sentence = std::move(sentence),
                .effect = std::move(effect)});
  }
  // because: a clause without a full stop.
  Finding& reduces(Area area, std::string id, std::string sentence, std::string effect, std::string because) {
    Finding& finding = better(area, std::move(id), std::move(sentence), std::move(effect));
    finding.leaves = Acceleration::reduced;
    finding.because = std::move(because);
    return finding;
  }
  Finding& blocks(Area area, std::string id, std::string sentence, std::string effect, std::string because) {
    Finding& finding = reduces(area, std::move(id), std::move(sentence), std::move(effect), std::move(because));
    finding.severity = Severity::blocks;
    finding.leaves = Acceleration::none;
    return finding;
  }
  // what: "Whether KVM runs guest code".
  template <class T>
  Finding& unknown(Area area, std::string id, const std::string& what, const host::Fact<T>& fact) {
    std::string sentence = what + " is unknown";
    sentence += fact.why.empty() ? std::string(".") : ": " + fact.why;
    if (!sentence.ends_with('.')) sentence += '.';
    Finding& finding = better(area, std::move(id), std::move(sentence), "");
    rest_on(finding, fact);
    return finding;
  }

  // Adds the sources of facts, each once.
  template <class... T>
  static void rest_on(Finding& finding, const host::Fact<T>&... facts) {
    (add_source(finding, facts.source), ...);
  }
  static void add_source(Finding& finding, const std::string& source);

 private:
  Finding& add(Finding finding) { return findings_.emplace_back(std::move(finding)); }

  std::vector<Finding>& findings_;
};

// What several judges need to know of the host's Vulkan devices.
[[nodiscard]] bool is_hardware(const host::VulkanDevice& device);
// hesper run can use it, as far as that was told.
[[nodiscard]] bool serves_guests(const host::VulkanDevice& device);
// A GPU renders, not the processor. False if that is not known.
[[nodiscard]] bool has_usable_gpu(const host::Facts& facts);
// The QEMU that hesper run takes without --qemu; null: there is none.
[[nodiscard]] const host::Qemu* own_qemu(const host::Facts& facts);
[[nodiscard]] bool is_linux(const host::Facts& facts);
[[nodiscard]] bool is_macos(const host::Facts& facts);

// Only what can be written in a text for a shell: printable, and no option.
[[nodiscard]] bool can_be_typed(std::string_view word);
// As a shell's word.
[[nodiscard]] std::string shell_word(std::string_view word);
// "16 GiB", "512 MiB"
[[nodiscard]] std::string size_text(std::uint64_t bytes);

void judge_system(const host::Facts& facts, FindingList& list);
void judge_processor(const host::Facts& facts, FindingList& list);
void judge_memory(const host::Facts& facts, FindingList& list);
void judge_accelerator(const host::Facts& facts, FindingList& list);
void judge_qemu(const host::Facts& facts, FindingList& list);
void judge_gpus(const host::Facts& facts, FindingList& list);
void judge_vulkan(const host::Facts& facts, FindingList& list);
void judge_screens(const host::Facts& facts, FindingList& list);
void judge_guests(const host::Facts& facts, FindingList& list);
void judge_confinement(const host::Facts& facts, FindingList& list);
void judge_passthrough(const host::Facts& facts, FindingList& list);

}  // namespace hesper::advice
