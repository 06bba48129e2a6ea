// Manifests, libraries, the probe.
#include "host/vulkan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "host/fact.h"
#include "host/icd_folders.h"
#include "host/text.h"

namespace hesper::host {
namespace {

using Path = std::filesystem::path;
using Json = nlohmann::json;

constexpr std::size_t kMostManifests = 256;
constexpr std::size_t kMostDevices = 64;
// Drivers that compile shaders at their start take a while, and GPUs that sleep.
constexpr std::chrono::milliseconds kProbePatience{20'000};

std::string word_in(const Json& object, const char* key, std::size_t most = kLongestWord) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? shown(found->get_ref<const std::string&>(), most)
                                                     : std::string();
}

std::vector<std::string> words_in(const Json& object, const char* key) {
  std::vector<std::string> words;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return words;
  for (const Json& each : *found)
    if (each.is_string() && words.size() < 256) words.push_back(shown(each.get_ref<const std::string&>()));
  return words;
}

// ---- Libraries ------------------------------------------------------------------------------------------------------

// Of ld.so.conf, and of what every system's includes.
void add_configured_folders(const System& system, std::vector<Path>& folders) {
  const auto add = [&](const Path& file) {
    const std::string text = system.read(file).value_or("");
    for (const std::string_view line : lines_of(text))
      if (trimmed(line).starts_with('/') && folders.size() < 256) folders.emplace_back(trimmed(line));
  };
  add("/etc/ld.so.conf");
  const Path more = "/etc/ld.so.conf.d";
  const auto names = system.list(more);
  if (!names) return;
  for (const std::string& name : *names)
    if (name.ends_with(".conf") && folders.size() < 256) add(more / name);
}

// Where the dynamic linker finds a library by its name.
std::vector<Path> library_folders(const System& system, const OperatingSystem& os) {
  std::vector<Path> folders;
  const bool macos = os.kind == platform::System::macos;
  const std::string search = system.variable(macos ? "DYLD_LIBRARY_PATH" : "LD_LIBRARY_PATH").value_or("");
  for (const std::string_view folder : pieces_of(search, ':')) folders.emplace_back(folder);
  if (macos) {
    for (const char* folder : {"/usr/local/lib", "/opt/homebrew/lib", "/usr/lib"}) folders.emplace_back(folder);
    return folders;
  }
  add_configured_folders(system, folders);
  const std::string triplet = fmt::format("{}-linux-gnu", os.architecture.value_or("x86_64"));
  for (const char* root : {"/usr/local/lib", "/lib", "/usr/lib"}) {
    folders.push_back(Path(root) / triplet);
    folders.emplace_back(std::string(root) + "64");
    folders.emplace_back(root);
  }
  folders.emplace_back("/run/opengl-driver/lib");      // NixOS
  folders.emplace_back("/run/current-system/sw/lib");  // likewise
  folders.emplace_back("/usr/lib/wsl/lib");            // WSL
  return folders;
}

std::optional<Path> find_library(const System& system, const std::vector<Path>& folders, const std::string& name) {
  for (const Path& folder : folders)
    if (folder.is_absolute() && is_there(system, folder / name)) return folder / name;
  return std::nullopt;
}

// ---- Manifests ------------------------------------------------------------------------------------------------------

struct Found {
  Path manifest;
  std::string by;
  bool by_loader = true;
};

void add_folder(const System& system, const Path& folder, const std::string& by, bool by_loader,
                std::vector<Found>& found) {
  const auto names = system.list(folder);
  if (!names) return;
  for (const std::string& name : *names)
    if (name.ends_with(".json") && is_text(name) && found.size() < kMostManifests)
      found.push_back({.manifest = folder / name, .by = by, .by_loader = by_loader});
}

// Files, and folders of them, as the loader's variables have them.
void add_listed(const System& system, const std::string& list, const std::string& by, std::vector<Found>& found) {
  for (const std::string_view piece : pieces_of(list, ':')) {
    if (!piece.starts_with('/') || !is_text(piece) || found.size() >= kMostManifests) continue;
    const auto status = system.status(Path(piece));
    if (status && status->kind == FileStatus::Kind::folder)
      add_folder(system, Path(piece), by, true, found);
    else
      found.push_back({.manifest = Path(piece), .by = by});
  }
}

// Homebrew's loader looks there, others do not.
void add_usual_places(const System& system, const Variables& variables, std::vector<Found>& found) {
  for (const char* prefix : {"/opt/homebrew", "/usr/local"})
    for (const char* folder : {"etc/vulkan/icd.d", "share/vulkan/icd.d", "opt/molten-vk/etc/vulkan/icd.d",
                               "opt/molten-vk/share/vulkan/icd.d"})
      add_folder(system, Path(prefix) / folder, "a usual place of Homebrew", false, found);
  std::vector<Path> sdks;
  if (const auto sdk = variables("VULKAN_SDK"); sdk && sdk->starts_with('/')) sdks.emplace_back(*sdk);
  if (const auto home = variables("HOME"); home && home->starts_with('/')) {
    const Path root = Path(*home) / "VulkanSDK";
    if (const auto versions = system.list(root))
      for (const std::string& version : *versions)
        if (sdks.size() < 16) sdks.push_back(root / version / "macOS");
  }
  for (const Path& sdk : sdks)
    add_folder(system, sdk / "share/vulkan/icd.d", "a usual place of the Vulkan SDK", false, found);
}

std::vector<Found> find_manifests(const System& system, const OperatingSystem& os) {
  const Variables variables = [&](std::string_view name) { return system.variable(name); };
  std::vector<Found> found;
  for (const char* name : {"VK_DRIVER_FILES", "VK_ICD_FILENAMES"}) {
    const auto list = variables(name);
    if (!list || list->empty()) continue;
    add_listed(system, *list, name, found);
    return found;  // the loader looks nowhere else
  }
  if (const auto list = variables("VK_ADD_DRIVER_FILES")) add_listed(system, *list, "VK_ADD_DRIVER_FILES", found);
  for (const Path& folder : icd_folders(variables)) add_folder(system, folder, folder.native(), true, found);
  if (os.kind == platform::System::macos) add_usual_places(system, variables, found);
  std::vector<Found> once;
  for (Found& each : found)
    if (std::ranges::none_of(once, [&](const Found& other) { return other.manifest == each.manifest; }))
      once.push_back(std::move(each));
  return once;
}

Icd icd_of(const System& system, const Found& found, const std::vector<Path>& folders) {
  const auto text = system.read(found.manifest);
  Icd icd = text ? parse_icd(*text) : Icd{.problem = text.error().message};
  icd.manifest = found.manifest;
  icd.found_by = found.by;
  icd.seen_by_loader = found.by_loader;
  if (!icd.problem.empty()) return icd;
  // A name is the linker's to find, a path is relative to the manifest.
  const bool by_linker = !icd.library.contains('/');
  const Path library = by_linker ? Path(icd.library) : (found.manifest.parent_path() / icd.library).lexically_normal();
  if (by_linker ? !find_library(system, folders, icd.library) : !is_there(system, library))
    icd.problem = fmt::format("Its library '{}' is not there.", library.native());
  return icd;
}

Fact<std::filesystem::path> find_loader(const System& system, const OperatingSystem& os,
                                        const std::vector<Path>& folders) {
  const bool macos = os.kind == platform::System::macos;
  const std::string name = macos ? "libvulkan.1.dylib" : "libvulkan.so.1";
  if (const auto found = find_library(system, folders, name)) return known(*found, found->native());
  return unknown<Path>(fmt::format("There is no {} where the dynamic linker looks.", name), name);
}

Fact<std::vector<VulkanDevice>> probe(const System& system) {
  const std::vector<std::string> command = {"hesper-render", "--probe", "--json"};
  const std::string source = line_of(command);
  const auto answer = system.run(command, kProbePatience);
  if (!answer) return unknown<std::vector<VulkanDevice>>(answer.error().message, source);
  if (answer->status >= 128)
    return unknown<std::vector<VulkanDevice>>(
        fmt::format("A Vulkan driver ends the probe by signal {}.", answer->status - 128), source);
  if (answer->status != 0) {
    // Its last line is the reason: "hesper-render: error: There is no ...".
    const auto lines = lines_of(trimmed(answer->errors));
    std::string_view line = lines.empty() ? std::string_view("It ends without a word.") : lines.back();
    constexpr std::string_view kMark = "error: ";
    if (const std::size_t at = line.find(kMark); at != std::string_view::npos) line.remove_prefix(at + kMark.size());
    return unknown<std::vector<VulkanDevice>>(shown(line), source);
  }
  auto devices = parse_probe(answer->output);
  if (!devices) return unknown<std::vector<VulkanDevice>>(devices.error().message, source);
  return known(*std::move(devices), source);
}

}  // namespace

Icd parse_icd(std::string_view text) {
  Icd icd;
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) {
    icd.problem = "It is no JSON.";
    return icd;
  }
  const auto found = json.is_object() ? json.find("ICD") : json.end();
  if (!json.is_object() || found == json.end() || !found->is_object()) {
    icd.problem = "It has no object \"ICD\".";
    return icd;
  }
  icd.library = word_in(*found, "library_path", 4096);
  icd.api_version = word_in(*found, "api_version", 64);
  const auto portability = found->find("is_portability_driver");
  icd.portability = portability != found->end() && portability->is_boolean() && portability->get<bool>();
  if (icd.library.empty()) icd.problem = "It names no library.";
  return icd;
}

Result<std::vector<VulkanDevice>> parse_probe(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  const auto list = json.is_object() ? json.find("devices") : json.end();
  if (!json.is_object() || list == json.end() || !list->is_array())
    return fail("The probe prints no JSON with \"devices\".");
  std::vector<VulkanDevice> devices;
  for (const Json& each : *list) {
    if (!each.is_object() || devices.size() == kMostDevices) continue;
    const auto told = [&](const char* key) {
      const auto found = each.find(key);
      return found != each.end() && found->is_boolean() ? std::optional(found->get<bool>()) : std::nullopt;
    };
    devices.push_back({.name = word_in(each, "device"),
                       .driver = word_in(each, "driver"),
                       .api_version = word_in(each, "api_version", 64),
                       .kind = word_in(each, "kind", 64),
                       .usable = told("usable").value_or(false),
                       .memory = word_in(each, "memory", 64),
                       .memory_reason = word_in(each, "memory_reason", 2048),
                       .guest_usable = told("guest_usable"),
                       .guest_reason = word_in(each, "guest_reason", 2048),
                       .memory_moves = told("memory_moves"),
                       .missing = words_in(each, "missing"),
                       .emulated = words_in(each, "emulated")});
  }
  return devices;
}

bool is_guest_driver(const std::filesystem::path& manifest) {
  const std::string name = manifest.filename().native();
  return name.starts_with("virtio_icd") || name.starts_with("gfxstream_vk_icd");
}

Vulkan look_at_vulkan(const System& system, const OperatingSystem& os) {
  Vulkan vulkan;
  const std::vector<Path> folders = library_folders(system, os);
  vulkan.loader = find_loader(system, os, folders);
  for (const Found& found : find_manifests(system, os))
    if (!is_guest_driver(found.manifest)) vulkan.icds.push_back(icd_of(system, found, folders));
  vulkan.devices = probe(system);
  return vulkan;
}

}  // namespace hesper::host
