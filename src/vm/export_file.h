// ExportedFile: what a virtual machine is written as, for other programs than hesper run to start it (export_shell.h,
// export_libvirt.h, export_systemd.h). Writing it to a disk is not done here.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace hesper::vm {

struct ExportedFile {
  std::string name;  // in its folder
  std::string contents;
  bool executable = false;
};

// Whether text is UTF-8 without what no text file should have: what printable() replaces, but for tab and newline.
[[nodiscard]] bool is_plain_text(std::string_view text);

// Which of the runtime folders below `root` (runtime_folder.h) an exported machine has: one that no machine of hesper
// run is ever given, as it would be taken for abandoned.
[[nodiscard]] std::filesystem::path exported_folder(const std::filesystem::path& root, std::string_view name);

}  // namespace hesper::vm
