// Reading the parts of a Machine that are written as one word.
#include "vm/machine.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <limits>
#include <utility>

namespace hesper::vm {
namespace {

bool is_letter_or_digit(char c) noexcept { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

bool belongs_into_name(char c) noexcept { return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-'; }

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// What stands before the last `separator`, and what stands behind; nothing without one.
std::optional<std::pair<std::string_view, std::string_view>> split_last(std::string_view text, char separator) {
  const std::size_t at = text.rfind(separator);
  if (at == std::string_view::npos) return std::nullopt;
  return std::pair(text.substr(0, at), text.substr(at + 1));
}

}  // namespace

std::string_view name_of(Architecture architecture) noexcept {
  return architecture == Architecture::x86_64 ? "x86_64" : "aarch64";
}

Architecture host_architecture() noexcept {
#if defined(__aarch64__)
  return Architecture::aarch64;
#else
  return Architecture::x86_64;
#endif
}

std::string_view name_of(Accelerator accelerator) noexcept {
  switch (accelerator) {
    case Accelerator::automatic: return "auto";
    case Accelerator::kvm: return "kvm";
    case Accelerator::hvf: return "hvf";
    case Accelerator::tcg: return "tcg";
  }
  return "";
}

bool is_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kLongestName && is_letter_or_digit(text.front()) &&
         std::ranges::all_of(text, belongs_into_name);
}

std::string name_after(const std::filesystem::path& file) {
  std::string name = file.stem().native().substr(0, kLongestName - 4);  // room for "-123"
  std::ranges::replace_if(name, [](char c) { return !belongs_into_name(c); }, '-');
  while (!name.empty() && !is_letter_or_digit(name.front())) name.erase(0, 1);
  return name.empty() ? "vm" : name;
}

Result<Disk> parse_disk(std::string_view text) {
  Disk disk;
  std::string_view path = text;
  // From the end, so that a file may have commas in its name.
  while (const auto parts = split_last(path, ',')) {
    const auto& [before, word] = *parts;
    if (word == "readonly") {
      disk.read_only = true;
    } else if (word == "format=raw") {
      disk.format = Disk::Format::raw;
    } else if (word == "format=qcow2") {
      disk.format = Disk::Format::qcow2;
    } else {
      break;
    }
    path = before;
  }
  if (path.empty())
    return fail(fmt::format("'{}' is no disk; write FILE[,format=raw|qcow2][,readonly].", text), EINVAL);
  disk.path = path;
  return disk;
}

Result<Forward> parse_forward(std::string_view text) {
  const auto wrong = [text] {
    return fail(
        fmt::format("'{}' is no forwarded port; write [tcp:|udp:][ADDRESS:]HOSTPORT:GUESTPORT, as 2222:22.", text),
        EINVAL);
  };
  Forward forward;
  std::string_view rest = text;
  if (rest.starts_with("udp:")) forward.udp = true;
  if (rest.starts_with("udp:") || rest.starts_with("tcp:")) rest.remove_prefix(4);
  const auto guest = split_last(rest, ':');
  if (!guest) return wrong();
  std::string_view host = guest->first;
  if (const auto address = split_last(host, ':')) {
    in_addr parsed{};
    forward.address = address->first;
    if (::inet_pton(AF_INET, forward.address.c_str(), &parsed) != 1) return wrong();
    host = address->second;
  }
  const auto host_port = parse_port(host);
  const auto guest_port = parse_port(guest->second);
  if (!host_port || !guest_port) return wrong();
  forward.host = *host_port;
  forward.guest = *guest_port;
  return forward;
}

Result<Share> parse_share(std::string_view text) {
  constexpr std::size_t kLongestTag = 36;  // bytes; virtio 1.2, File System Device
  const auto parts = split_last(text, ':');
  if (!parts || parts->first.empty() || parts->second.empty())
    return fail(fmt::format("'{}' is no shared folder; write FOLDER:TAG, as ~/src:src.", text), EINVAL);
  if (parts->second.size() > kLongestTag || !std::ranges::all_of(parts->second, belongs_into_name))
    return fail(fmt::format("'{}' is no tag of a shared folder: it has at most {} letters, digits, '.', '_' or '-'.",
                            parts->second, kLongestTag),
                EINVAL);
  return Share{.folder = parts->first, .tag = std::string(parts->second)};
}

Result<CpuTopology> parse_topology(std::string_view text) {
  constexpr unsigned kMost = 1024;
  CpuTopology topology;
  std::string_view rest = text;
  for (unsigned* number : {&topology.sockets, &topology.cores, &topology.threads}) {
    const bool last = number == &topology.threads;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), *number);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (error != std::errc() || *number == 0 || *number > kMost || (last ? !rest.empty() : !rest.starts_with(':')))
      return fail(fmt::format("'{}' is no topology of processors; write SOCKETS:CORES:THREADS, as 1:4:2.", text),
                  EINVAL);
    if (!last) rest.remove_prefix(1);
  }
  return topology;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  std::string_view unit(end, text.data() + text.size());
  for (const std::string_view letters : {"iB", "B"})
    if (unit.size() > letters.size() && unit.ends_with(letters)) unit.remove_suffix(letters.size());
  constexpr std::string_view kUnits = "KMGT";
  const std::size_t power =
      unit.size() == 1 ? kUnits.find(static_cast<char>(std::toupper(static_cast<unsigned char>(unit[0])))) : 0;
  const std::size_t shift = unit.empty() ? 0 : 10 * (power + 1);
  if (error != std::errc() || unit.size() > 1 || power == std::string_view::npos ||
      size > (std::numeric_limits<std::uint64_t>::max() >> shift))
    return fail(fmt::format("'{}' is no size; write bytes, or a number with K, M, G or T, as 4G.", text), EINVAL);
  return size << shift;
}

}  // namespace hesper::vm
