// Disk images: what a file is that is to be a guest's disk, and whether it may be used. Reads its header only.
#pragma once

#include <cstddef>
#include <span>

#include "base/error.h"
#include "vm/machine.h"

namespace hesper::vm {

// The format of the image with these first bytes (512, or what there is), whose name is `file`'s.
//
// A guest can write into its raw disk whatever it likes, also the header of a qcow2 image that refers to any other file
// of the host, which QEMU would open the next time. So a file with such a reference must be called *.qcow2, or declared
// to be one.
[[nodiscard]] Result<Disk::Format> recognise_format(const Disk& disk, std::span<const std::byte> header);

// disk with its format, if it is a file or block device that can be used as it is asked for. Errors say what to do.
[[nodiscard]] Result<Disk> examine_disk(Disk disk);

}  // namespace hesper::vm
