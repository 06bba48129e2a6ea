// Shutting a guest down over a QMP socket at which QEMU itself listens: that of a machine without a launcher.
#pragma once

#include <chrono>
#include <filesystem>

#include "base/error.h"

namespace hesper::vm {

// Presses the power button every few seconds until QEMU has closed the connection, as it does at its end. With force it
// ends QEMU, which writes what it holds to the disks. The caller ignores SIGPIPE.
// Errors: nobody listens there; ETIMEDOUT, if it takes longer than `patience`, and the guest goes on shutting down.
[[nodiscard]] Result<void> shut_down_at(const std::filesystem::path& qmp_socket, bool force,
                                        std::chrono::milliseconds patience);

}  // namespace hesper::vm
