// Description: a host as text: what its files hold, where its links lead, what its commands print. Written by
// `hesper doctor --describe` (a bug report can be worked on elsewhere), read by `--description` and by tests.
//
// The text, UTF-8, in sections; each begins with a line that begins with "@ ":
//
//   # a comment, before the first section only; "@ # ..." is one anywhere
//   @ file /proc/sys/vm/nr_hugepages              the lines up to the next section; lines that begin with "@" or "\"
//   0                                             have a "\" before it. "@ file PATH no-end": without the last newline.
//                                                 "@ file PATH hex": bytes as hexadecimal digits.
//   @ file /dev/dri/renderD128 device 0660 root:render     kind (file, folder, device, socket, other), mode,
//                                                 owner:group; without: file 0644 root:root
//   @ link /sys/class/drm/card0 ../../devices/pci0000:00/0000:00:02.0/drm/card0
//   @ folder /sys/firmware/acpi/tables            lines: names in it, beside those that follow from other sections
//   DMAR
//   @ error EACCES /etc/secret                    reading, listing and following it fails so
//   @ may read_write /dev/kvm                     or "@ may not EACCES read_write /dev/kvm"; without either: by its
//                                                 mode, owner and group and the user's groups
//   @ holder /dev/dri/card0 1234 Xorg             a process that has it open
//   @ command 0 qemu-system-x86_64 --version      exit status; output follows; words with blanks are quoted as a POSIX
//   QEMU emulator version 11.1.3                  shell does, in all sections
//   @ errors                                      what the command above wrote to standard error
//   @ fails ETIMEDOUT virsh --version             a command that cannot be run to its end
//   @ program /usr/bin/qemu-system-x86_64         where programs are; "@ command" alone makes /usr/bin/NAME
//   @ variable XDG_SESSION_TYPE wayland
//   @ user alice 1000 alice render kvm            name, id, groups; without: user 1000 user
//
// What is in no section is not there: files ENOENT, commands ENOENT, variables unset. A path is what was asked for;
// where there is no such section, links on its way are followed. Nothing is there twice. "no-end" and "hex" may follow
// a command's words' "@ errors" and stand before the words of a command: "@ command 0 hex NAME".
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "host/system.h"

namespace hesper::host {

// A host that is what the text says. Errors: the first line that cannot be understood, with its number.
[[nodiscard]] Result<std::unique_ptr<System>> described_system(std::string_view text);

// Passes everything on to another System and writes down question and answer.
class Recorder : public System {
 public:
  // inner: borrowed.
  [[nodiscard]] static std::unique_ptr<Recorder> create(const System& inner);
  // What was asked so far, as a description. MAC addresses, UUIDs in contents, the home folder, and the names of host
  // and user are replaced; serial numbers are never asked for.
  [[nodiscard]] virtual std::string description() const = 0;
};

}  // namespace hesper::host
