// Headers of disk images. Spec: QEMU, docs/interop/qcow2.rst, "Header".
#include "vm/disk_image.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string_view>

#include "base/unique_fd.h"

namespace hesper::vm {
namespace {

using namespace std::string_view_literals;

// Formats that QEMU would take as raw, and the guest would find no disk.
struct Foreign {
  std::string_view magic;
  std::string_view name;
};
constexpr std::array kForeign = {
    Foreign{.magic = "KDMV"sv, .name = "VMDK"},
    Foreign{.magic = "# Disk DescriptorFile"sv, .name = "VMDK"},
    Foreign{.magic = "vhdxfile"sv, .name = "VHDX"},
    Foreign{.magic = "conectix"sv, .name = "VHD"},
    Foreign{.magic = "<<< "sv, .name = "VDI"},
    Foreign{.magic = "\x1f\x8b"sv, .name = "gzip"},
    Foreign{.magic = "\xfd"
                     "7zXZ"sv,
            .name = "xz"},
    Foreign{.magic = "\x28\xb5\x2f\xfd"sv, .name = "zstd"},
    Foreign{.magic = "PK\x03\x04"sv, .name = "ZIP"},
};

bool begins_with(std::span<const std::byte> bytes, std::string_view magic) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()).starts_with(magic);
}

std::uint64_t big_endian(std::span<const std::byte> bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (const std::byte byte : bytes.subspan(at, size)) value = value << 8 | std::to_integer<std::uint64_t>(byte);
  return value;
}

constexpr std::size_t kHeader = 80;  // what is looked at of qcow2's

// True if the header refers to another file: a backing file, or external data (version 3).
bool refers_to_files(std::span<const std::byte> header) {
  constexpr std::uint64_t kExternalData = 1u << 2;
  const bool backing = big_endian(header, 8, 8) != 0;
  const bool external = big_endian(header, 4, 4) >= 3 && (big_endian(header, 72, 8) & kExternalData) != 0;
  return backing || external;
}

}  // namespace

Result<Disk::Format> recognise_format(const Disk& disk, std::span<const std::byte> header) {
  const bool is_qcow2 = header.size() >= kHeader && begins_with(header, "QFI\xfb"sv);
  if (disk.format == Disk::Format::raw) return Disk::Format::raw;
  if (disk.format == Disk::Format::qcow2) {
    if (is_qcow2) return Disk::Format::qcow2;
    return fail(fmt::format("'{}' is no qcow2 image.", disk.path.native()), EINVAL);
  }
  for (const Foreign& foreign : kForeign) {
    if (!begins_with(header, foreign.magic)) continue;
    return fail(
        fmt::format("'{}' is a {} file. Unpack it, or convert it: qemu-img convert -O qcow2 '{}' disk.qcow2. (If "
                    "it is a raw disk nevertheless, add ',format=raw'.)",
                    disk.path.native(), foreign.name, disk.path.native()),
        EINVAL);
  }
  if (!is_qcow2) return Disk::Format::raw;
  if (refers_to_files(header) && disk.path.extension() != ".qcow2")
    return fail(
        fmt::format("'{}' refers to another file of this host, which a guest with a raw disk could have written "
                    "to get at that file. If you made it so yourself, add ',format=qcow2'; if it is a raw disk, "
                    "',format=raw'.",
                    disk.path.native()),
        EPERM);
  return Disk::Format::qcow2;
}

Result<Disk> examine_disk(Disk disk) {
  const UniqueFd file(::open(disk.path.c_str(), (disk.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK));
  if (!file) {
    const int error = errno;
    if ((error == EACCES || error == EROFS) && ::access(disk.path.c_str(), R_OK) == 0)
      return fail(
          fmt::format("The disk '{}' cannot be written. Add ',readonly' if the guest need not.", disk.path.native()),
          error);
    return fail_errno(fmt::format("The disk '{}' cannot be opened", disk.path.native()), error);
  }
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return fail_errno("Asking for a disk's size fails", errno);
  if (!S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode))
    return fail(fmt::format("The disk '{}' is neither a file nor a block device.", disk.path.native()), EINVAL);
  std::array<std::byte, 512> header{};
  const ssize_t size = ::pread(file.get(), header.data(), header.size(), 0);
  if (size < 0) return fail_errno(fmt::format("The disk '{}' cannot be read", disk.path.native()), errno);
  if (size == 0) return fail(fmt::format("The disk '{}' is empty.", disk.path.native()), EINVAL);
  const auto format = recognise_format(disk, std::span(header).first(static_cast<std::size_t>(size)));
  if (!format) return std::unexpected(format.error());
  disk.format = *format;
  return disk;
}

}  // namespace hesper::vm
