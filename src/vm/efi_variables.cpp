// Spec: UEFI 2.10, "Globally Defined Variables" and "EFI Device Path Protocol"; PI 1.8, volume 3, "Firmware Volume
// Header"; the store in it is EDK2's own, its MdeModulePkg has VariableFormat.h.
#include "vm/efi_variables.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/unique_fd.h"

namespace hesper::vm {
namespace {

using Guid = std::array<std::uint8_t, 16>;  // as it is in memory

constexpr Guid kSystemNvData{0x8d, 0x2b, 0xf1, 0xff, 0x96, 0x76, 0x8b, 0x4c,
                             0xa9, 0x85, 0x27, 0x47, 0x07, 0x5b, 0x4f, 0x50};
constexpr Guid kAuthenticatedStore{0x78, 0x2c, 0xf3, 0xaa, 0x7b, 0x94, 0x9a, 0x43,
                                   0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92};
constexpr Guid kGlobalVariable{0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                               0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};

// Of EFI_FIRMWARE_VOLUME_HEADER, bytes from its beginning.
constexpr std::size_t kVolumeGuid = 16;
constexpr std::size_t kVolumeSignature = 40;  // "_FVH"
constexpr std::size_t kVolumeHeaderLength = 48;
constexpr std::size_t kVolumeHeader = 56;  // without its block map

// Of VARIABLE_STORE_HEADER.
constexpr std::size_t kStoreSize = 16;
constexpr std::size_t kStoreFormat = 20;
constexpr std::size_t kStoreState = 21;
constexpr std::size_t kStoreHeader = 28;
constexpr std::byte kFormatted{0x5a};
constexpr std::byte kHealthy{0xfe};

// Of AUTHENTICATED_VARIABLE_HEADER, which begins at multiples of four; name and data follow.
constexpr std::size_t kVariableState = 2;
constexpr std::size_t kVariableAttributes = 4;
constexpr std::size_t kVariableNameSize = 36;
constexpr std::size_t kVariableDataSize = 40;
constexpr std::size_t kVariableGuid = 44;
constexpr std::size_t kVariableHeader = 60;
constexpr std::uint16_t kVariableBegins = 0x55aa;
constexpr std::byte kAdded{0x3f};
constexpr std::byte kBeingDeleted{0x3e};              // until its successor is written
constexpr std::uint32_t kNonVolatileBootRuntime = 7;  // EFI_VARIABLE_*

constexpr std::byte kErased{0xff};

// As little endian as every machine with EFI.
template <class Number>
Number load(std::span<const std::byte> bytes, std::size_t at) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    number = static_cast<Number>(number | static_cast<Number>(std::to_integer<Number>(bytes[at + i]) << 8 * i));
  return number;
}
template <class Number>
void store(std::span<std::byte> bytes, std::size_t at, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) bytes[at + i] = static_cast<std::byte>(number >> 8 * i);
}

bool has_guid(std::span<const std::byte> bytes, std::size_t at, const Guid& guid) {
  return std::memcmp(bytes.data() + at, guid.data(), guid.size()) == 0;
}

constexpr std::size_t aligned(std::size_t offset) { return (offset + 3) & ~std::size_t{3}; }

// UCS-2 with its end.
std::vector<std::byte> name_bytes(std::string_view name) {
  std::vector<std::byte> bytes(2 * (name.size() + 1));
  for (std::size_t i = 0; i < name.size(); ++i) bytes[2 * i] = static_cast<std::byte>(name[i]);
  return bytes;
}

// PciRoot(0x0)/Pci(slot,0x0)/AcpiAdr(0x80010100): the picture that EDK2's VirtioGpuDxe makes of the GPU in this slot.
std::vector<std::byte> gpu_path(unsigned slot) {
  constexpr std::array<std::uint8_t, 12> kRoot{2, 1, 12, 0, 0xd0, 0x41, 0x03, 0x0a, 0, 0, 0, 0};
  const std::array<std::uint8_t, 6> pci{1, 1, 6, 0, 0, static_cast<std::uint8_t>(slot)};
  constexpr std::array<std::uint8_t, 8> kPicture{2, 3, 8, 0, 0x00, 0x01, 0x01, 0x80};
  constexpr std::array<std::uint8_t, 4> kEnd{0x7f, 0xff, 4, 0};
  std::vector<std::byte> path;
  const auto add = [&](std::span<const std::uint8_t> node) {
    for (const std::uint8_t byte : node) path.push_back(std::byte{byte});
  };
  add(kRoot);
  add(pci);
  add(kPicture);
  add(kEnd);
  return path;
}

// The part of the volume that has variables, from its header on.
std::optional<std::span<std::byte>> find_store(std::span<std::byte> volume) {
  if (volume.size() < kVolumeHeader || !has_guid(volume, kVolumeGuid, kSystemNvData) ||
      std::memcmp(volume.data() + kVolumeSignature, "_FVH", 4) != 0)
    return std::nullopt;
  const std::size_t begin = load<std::uint16_t>(volume, kVolumeHeaderLength);
  if (begin > volume.size() || volume.size() - begin < kStoreHeader) return std::nullopt;
  const auto rest = volume.subspan(begin);
  const std::size_t size = load<std::uint32_t>(rest, kStoreSize);
  if (!has_guid(rest, 0, kAuthenticatedStore) || rest[kStoreFormat] != kFormatted || rest[kStoreState] != kHealthy ||
      size < kStoreHeader || size > rest.size())
    return std::nullopt;
  return rest.first(size);
}

// Where the next variable goes; none: there is a live one of this name, or what is there makes no sense.
std::optional<std::size_t> find_end(std::span<const std::byte> variables, std::string_view without) {
  const auto name = name_bytes(without);
  std::size_t at = aligned(kStoreHeader);
  while (at + kVariableHeader <= variables.size() && load<std::uint16_t>(variables, at) == kVariableBegins) {
    const std::size_t name_size = load<std::uint32_t>(variables, at + kVariableNameSize);
    const std::size_t data_size = load<std::uint32_t>(variables, at + kVariableDataSize);
    const std::size_t room = variables.size() - at - kVariableHeader;
    if (name_size > room || data_size > room - name_size) return std::nullopt;
    const std::byte state = variables[at + kVariableState];
    const bool lives = state == kAdded || state == kBeingDeleted;
    if (lives && name_size == name.size() && has_guid(variables, at + kVariableGuid, kGlobalVariable) &&
        std::memcmp(variables.data() + at + kVariableHeader, name.data(), name.size()) == 0)
      return std::nullopt;
    at = aligned(at + kVariableHeader + name_size + data_size);
  }
  return at;
}

// Where the next one goes; none if there is no room.
std::optional<std::size_t> append(std::span<std::byte> variables, std::size_t at, std::string_view name,
                                  std::span<const std::byte> data) {
  const auto name_data = name_bytes(name);
  const std::size_t size = kVariableHeader + name_data.size() + data.size();
  if (at > variables.size() || variables.size() - at < size) return std::nullopt;
  const auto place = variables.subspan(at, size);
  if (!std::ranges::all_of(place, [](std::byte byte) { return byte == kErased; })) return std::nullopt;
  std::ranges::fill(place, std::byte{0});
  store(place, 0, kVariableBegins);
  place[kVariableState] = kAdded;
  store(place, kVariableAttributes, kNonVolatileBootRuntime);
  store(place, kVariableNameSize, static_cast<std::uint32_t>(name_data.size()));
  store(place, kVariableDataSize, static_cast<std::uint32_t>(data.size()));
  std::memcpy(place.data() + kVariableGuid, kGlobalVariable.data(), kGlobalVariable.size());
  std::ranges::copy(name_data, place.begin() + kVariableHeader);
  std::ranges::copy(data, place.begin() + static_cast<std::ptrdiff_t>(kVariableHeader + name_data.size()));
  return aligned(at + size);
}

Result<void> add_console_to(const std::filesystem::path& file, unsigned gpu_slot) {
  const UniqueFd opened(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  if (!opened) return fail_errno("They cannot be opened", errno);
  std::vector<std::byte> begin(kEfiStoreBegin);
  const ssize_t size = ::pread(opened.get(), begin.data(), begin.size(), 0);
  if (size < 0) return fail_errno("They cannot be read", errno);
  begin.resize(static_cast<std::size_t>(size));
  if (!add_efi_console(begin, gpu_slot)) {
    log::info(
        "The EFI variables have another form than EDK2's, or a console already. The firmware's messages may be on "
        "the serial console only.");
    return {};
  }
  if (::pwrite(opened.get(), begin.data(), begin.size(), 0) != size) return fail_errno("They cannot be written", errno);
  return {};
}

}  // namespace

bool add_efi_console(std::span<std::byte> store, unsigned gpu_slot) {
  const auto variables = find_store(store);
  if (!variables) return false;
  std::vector<std::byte> changed(variables->begin(), variables->end());
  for (const std::string_view name : {"ConOut", "ErrOut"}) {
    const auto end = find_end(changed, name);
    if (!end || !append(changed, *end, name, gpu_path(gpu_slot))) return false;
  }
  std::ranges::copy(changed, variables->begin());
  return true;
}

Result<void> make_efi_variables(const std::filesystem::path& from, const std::filesystem::path& file,
                                unsigned gpu_slot) {
  using std::filesystem::perms;
  std::error_code error;
  if (std::filesystem::exists(file, error)) return {};
  // Under another name until it is whole.
  std::filesystem::path partial = file;
  partial += ".partial";
  const auto failed = [&](std::string_view reason, int code) {
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);
    return fail(fmt::format("The EFI variables '{}' cannot be made: {}", file.native(), reason), code);
  };
  std::filesystem::copy_file(from, partial, std::filesystem::copy_options::overwrite_existing, error);
  if (!error) std::filesystem::permissions(partial, perms::owner_write, std::filesystem::perm_options::add, error);
  if (error) return failed(error.message() + ".", error.value());
  if (auto added = add_console_to(partial, gpu_slot); !added) return failed(added.error().message, added.error().code);
  std::filesystem::rename(partial, file, error);
  if (error) return failed(error.message() + ".", error.value());
  return {};
}

}  // namespace hesper::vm
