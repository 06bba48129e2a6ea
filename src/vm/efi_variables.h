// EFI variables: what a fresh variable store of EDK2's is told of the machine: that its console is on Hesper's GPU.
// EDK2 finds out by itself only of PCI devices of class display, and stock QEMU gives the GPU another one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "base/error.h"

namespace hesper::vm {

// The beginning of a store that is looked at, bytes.
inline constexpr std::size_t kEfiStoreBegin = std::size_t{1} << 20;

// Adds ConOut and ErrOut, which name the virtio-gpu in this PCI slot of the first bus; firmware adds its serial line to
// them. store: a file of OVMF's or AAVMF's, or kEfiStoreBegin of it. False, and nothing is changed: this is no store as
// EDK2 writes it, it has a console already, or no room.
[[nodiscard]] bool add_efi_console(std::span<std::byte> store, unsigned gpu_slot);

// Makes `file` a copy of the template with that console; a template that it cannot be added to is copied as it is, with
// a line in the log. A file that is there already stays as it is, whatever is in it.
[[nodiscard]] Result<void> make_efi_variables(const std::filesystem::path& from, const std::filesystem::path& file,
                                              unsigned gpu_slot);

}  // namespace hesper::vm
