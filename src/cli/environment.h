// Environment: a copy of the environment that is edited for a child. Our own stays as it is.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hesper::cli {

class Environment {
 public:
  Environment() = default;  // empty
  [[nodiscard]] static Environment of_this_process();

  [[nodiscard]] std::optional<std::string> get(std::string_view name) const;
  // get(), with an empty value counting as none.
  [[nodiscard]] std::optional<std::string> get_filled(std::string_view name) const;
  void set(std::string_view name, std::string_view value);
  // Adds `item` to a comma-separated list, unless it is in it.
  void append(std::string_view name, std::string_view item);
  void remove(std::string_view name);
  // Keeps those variables that are named; "NAME*": all that begin so.
  void keep(std::span<const std::string_view> names);

  // "NAME=value" each, as spawn() takes them.
  [[nodiscard]] const std::vector<std::string>& entries() const noexcept { return entries_; }

 private:
  std::vector<std::string> entries_;
};

// For the worker: what itself, the host's drivers and their libraries read (docs/sandbox.md), without Venus.
// host_driver: the only driver manifest to use, if given. passed: names of further variables; "NAME*": all that begin
// so.
[[nodiscard]] Environment worker_environment(const Environment& base,
                                             const std::optional<std::filesystem::path>& host_driver,
                                             const std::vector<std::string>& passed = {});

// For the client: nothing but Venus, talking vtest at `socket`. venus_icd: manifests, separated by ':'.
// low_latency: Venus asks the worker for fences instead of looking for them in shared memory; docs/measured.md.
[[nodiscard]] Environment client_environment(Environment base, std::string_view venus_icd,
                                             const std::filesystem::path& socket, bool low_latency);

}  // namespace hesper::cli
