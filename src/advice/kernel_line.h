// Words for the kernel's command line, and for its initramfs: whose files hold them on this distribution.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "advice/action.h"
#include "advice/step.h"
#include "host/facts.h"

namespace hesper::advice {

// How words are added to the kernel's command line, for this boot loader. name: of a file of ours where there is one,
// "iommu". words: without blanks and quotes. The step's title and reason are the caller's.
[[nodiscard]] Step add_kernel_words(const host::OperatingSystem& system, std::string_view name,
                                    const std::vector<std::string>& words);
// And how one is taken away that somebody wrote there.
[[nodiscard]] Step remove_kernel_word(const host::OperatingSystem& system, std::string_view word);

// How a module gets into the initramfs, to be there before the GPUs' own drivers. name: of the file; letters, digits
// and dashes. Nothing: this distribution's generator is not known.
struct Initramfs {
  WrittenFile file;                  // what puts the module in
  std::vector<std::string> rebuild;  // the command that makes the initramfs anew
};
[[nodiscard]] std::optional<Initramfs> initramfs_with(const host::OperatingSystem& system, std::string_view name,
                                                      std::string_view module);

}  // namespace hesper::advice
