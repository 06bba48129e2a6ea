// Options of outputs.
#include "cli/view_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "gpu/protocol.h"

namespace hesper::cli {
namespace {

void add_vnc_options(CLI::App& command, ViewOptions& options) {
  constexpr const char* kGroup = "VNC";
  // In whatever order they come.
  const auto vnc = [&options]() -> screen::VncOptions& { return options.vnc ? *options.vnc : options.vnc.emplace(); };
  CLI::Option* on = command
                        .add_option_function<std::string>(
                            "--vnc",
                            [vnc](const std::string& address) {
                              screen::VncOptions& its = vnc();
                              if (!address.empty()) its.address = address;
                            },
                            "Serve VNC viewers; ADDRESS: ADDRESS:PORT or unix:PATH (default 127.0.0.1 and port 5900 or "
                            "the next free one)")
                        ->take_last()
                        ->expected(0, 1)
                        ->type_name("ADDRESS")
                        ->group(kGroup);
  const auto path = [&](const char* name, auto member, const char* help) {
    command
        .add_option_function<std::string>(
            name, [vnc, member](const std::string& file) { vnc().*member = file; }, help)
        ->take_last()
        ->needs(on)
        ->type_name("FILE")
        ->group(kGroup);
  };
  const auto flag = [&](const char* name, auto member, const char* help) {
    command.add_flag_function(
               name, [vnc, member](std::int64_t count) { vnc().*member = count > 0; }, help)
        ->needs(on)
        ->group(kGroup);
  };
  path("--vnc-password-file", &screen::VncOptions::password_file, "Ask for the password in the file's first line");
  path("--vnc-tls-cert", &screen::VncOptions::certificate, "Only TLS, with this certificate (PEM)");
  path("--vnc-tls-key", &screen::VncOptions::key, "The certificate's key (PEM)");
  flag("--vnc-allow-remote", &screen::VncOptions::allow_remote, "Listen where other machines can connect");
  flag("--vnc-view-only", &screen::VncOptions::view_only, "No keys, pointers and sizes from VNC viewers");
  command
      .add_option_function<std::vector<std::uint32_t>>(
          "--vnc-display", [vnc](const std::vector<std::uint32_t>& displays) { vnc().displays = displays; },
          "Serve only this display; may be repeated (default: all that there are in the beginning)")
      ->needs(on)
      ->check(CLI::Range(0U, gpu::VIRTIO_GPU_MAX_SCANOUTS - 1U))
      ->allow_extra_args(false)
      ->type_name("N")
      ->group(kGroup);
}

}  // namespace

void add_view_options(CLI::App& command, ViewOptions& options) {
  command
      .add_option_function<std::string>(
          "--trace", [&options](const std::string& file) { options.trace = {.file = file}; },
          "Write a line of JSON for each frame, for tests; -: to standard output")
      ->take_last()
      ->type_name("FILE");
  add_vnc_options(command, options);
}

std::vector<std::string> arguments_of(const CLI::App& command, const std::vector<std::string>& without) {
  std::vector<std::string> arguments;
  for (const CLI::Option* option : command.get_options()) {
    if (option->empty() || option->get_lnames().empty()) continue;
    const std::string& name = option->get_lnames().front();
    if (std::ranges::contains(without, name)) continue;
    const bool is_flag = option->get_items_expected_max() == 0;
    for (const std::string& value : option->results())
      arguments.push_back(is_flag || value.empty() ? "--" + name : fmt::format("--{}={}", name, value));
  }
  return arguments;
}

}  // namespace hesper::cli
