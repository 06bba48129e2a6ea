// Options of outputs.
#include "cli/view_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "gpu/protocol.h"

namespace hesper::cli {
namespace {

constexpr std::size_t kMostClipboard = std::size_t{16} << 20;

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

void add_web_options(CLI::App& command, ViewOptions& options) {
  constexpr const char* kGroup = "Web";
  using Web = screen::WebOptions;
  const auto web = [&options]() -> Web& { return options.web ? *options.web : options.web.emplace(); };
  CLI::Option* on =
      command
          .add_option_function<std::string>(
              "--web",
              [web](const std::string& address) {
                if (const auto parsed = screen::parse_web_address(address, web()); !parsed)
                  throw CLI::ValidationError("--web", parsed.error().message);
              },
              "Serve browsers; ADDRESS: an IP address, a port, or both (default 127.0.0.1 and a free port)")
          ->take_last()
          ->expected(0, 1)
          ->type_name("ADDRESS")
          ->group(kGroup);
  const auto text = [&](const char* name, const char* type, auto member, const char* help) {
    command
        .add_option_function<std::string>(
            name, [web, member](const std::string& value) { web().*member = value; }, help)
        ->take_last()
        ->needs(on)
        ->type_name(type)
        ->group(kGroup);
  };
  const auto texts = [&](const char* name, const char* type, auto member, const char* help) {
    command
        .add_option_function<std::vector<std::string>>(
            name, [web, member](const std::vector<std::string>& values) { web().*member = values; }, help)
        ->allow_extra_args(false)
        ->needs(on)
        ->type_name(type)
        ->group(kGroup);
  };
  const auto number = [&](const char* name, const char* type, const CLI::Range& range, auto set, const char* help) {
    command.add_option_function<double>(
               name, [web, set](const double& value) { set(web(), value); }, help)
        ->take_last()
        ->check(range)
        ->needs(on)
        ->type_name(type)
        ->group(kGroup);
  };
  command
      .add_flag_function(
          "--web-allow-remote", [web](std::int64_t count) { web().allow_remote = count > 0; },
          "Listen where other machines can connect")
      ->needs(on)
      ->group(kGroup);
  text("--web-tls-cert", "FILE", &Web::tls_certificate, "Only https, with these certificates (PEM)");
  text("--web-tls-key", "FILE", &Web::tls_key, "The first certificate's key (PEM)");
  texts("--web-name", "NAME", &Web::names,
        "A host name under which browsers may ask for it, as behind a proxy; may be repeated");
  text("--web-title", "TEXT", &Web::title, "The page's title");
  texts("--web-encoder", "NAME", &Web::encoders,
        "FFmpeg's name of a video encoder; may be repeated, those to prefer first (default: those of H.264 that work "
        "here, libvpx-vp9)");
  number(
      "--web-viewers", "N", CLI::Range(1, 256),
      [](Web& to, double value) { to.viewers = static_cast<std::size_t>(value); },
      "How many may look at once (default 8)");
  number(
      "--web-fps", "N", CLI::Range(1, 240), [](Web& to, double value) { to.max_fps = value; },
      "Frames per second that a viewer gets at most (default 60)");
  number(
      "--web-bitrate", "MBIT", CLI::Range(0.3, 1000.0),
      [](Web& to, double value) { to.max_bitrate = static_cast<std::uint64_t>(1e6 * value); },
      "Megabits per second that a viewer gets at most (default 40)");
}

void add_window_options(CLI::App& command, ViewOptions& options) {
  using screen::WindowOptions;
  using screen::window::Scaling;
  constexpr const char* kGroup = "Window";
  const auto window = [&options]() -> WindowOptions& {
    return options.window ? *options.window : options.window.emplace();
  };
  CLI::Option* on = command
                        .add_flag_function(
                            "--window", [window](std::int64_t) { (void)window(); }, "Show each display in a window")
                        ->group(kGroup);
  const auto choice = [&](const char* name, auto member, const auto& values, const char* help) {
    command
        .add_option_function<std::string>(
            name, [window, member, values](const std::string& value) { window().*member = values.at(value); }, help)
        ->take_last()
        ->needs(on)
        ->check(CLI::IsMember(values))
        ->type_name("WHICH")
        ->group(kGroup);
  };
  choice("--window-renderer", &WindowOptions::renderer,
         std::map<std::string, WindowOptions::Renderer>{{"auto", WindowOptions::Renderer::automatic},
                                                        {"vulkan", WindowOptions::Renderer::vulkan},
                                                        {"software", WindowOptions::Renderer::software}},
         "auto (default: Vulkan if there is a GPU), vulkan or software");
  choice("--window-scaling", &WindowOptions::scaling,
         std::map<std::string, Scaling>{
             {"fit", Scaling::fit}, {"integer", Scaling::integer}, {"original", Scaling::original}},
         "fit (default), integer or original");
  const auto flag = [&](const char* name, auto member, bool value, const char* help) {
    command.add_flag_function(
               name, [window, member, value](std::int64_t) { window().*member = value; }, help)
        ->needs(on)
        ->group(kGroup);
  };
  flag("--window-no-vsync", &WindowOptions::vsync, false, "Do not wait for the screen; may tear");
  flag("--window-full-screen", &WindowOptions::full_screen, true, "Begin with full screens");
  flag("--window-follow", &WindowOptions::follow, true, "The guest's mode follows the window's size");
  command
      .add_option_function<std::vector<std::uint32_t>>(
          "--window-display", [window](const std::vector<std::uint32_t>& displays) { window().displays = displays; },
          "Show only this display; may be repeated (default: all, as they come and go)")
      ->needs(on)
      ->check(CLI::Range(0U, gpu::VIRTIO_GPU_MAX_SCANOUTS - 1U))
      ->allow_extra_args(false)
      ->type_name("N")
      ->group(kGroup);
}

void add_clipboard_options(CLI::App& command, ViewOptions& options) {
  constexpr const char* kGroup = "Clipboard";
  const auto allow = [&its = options.clipboard](bool to_guest, bool from_guest) {
    its.to_guest = to_guest;
    its.from_guest = from_guest;
  };
  command
      .add_option("--agent", options.agent,
                  "Share the clipboard of the guest whose port com.redhat.spice.0 ends at this socket of QEMU's")
      ->type_name("PATH")
      ->group(kGroup);
  command
      .add_option_function<std::string>(
          "--clipboard",
          [allow](const std::string& way) {
            allow(way == "both" || way == "to-guest", way == "both" || way == "from-guest");
          },
          "Which way copied text may go: both (default), to-guest, from-guest or off")
      ->take_last()
      ->check(CLI::IsMember({"both", "to-guest", "from-guest", "off"}))
      ->type_name("WHICH")
      ->group(kGroup);
  command
      .add_flag_function(
          "--no-clipboard", [allow](std::int64_t) { allow(false, false); }, "The same as --clipboard off")
      ->group(kGroup);
  command
      .add_option_function<std::size_t>(
          "--clipboard-limit", [&its = options.clipboard](const std::size_t& bytes) { its.most_bytes = bytes; },
          "Longer texts are not shared (default 1 MiB, as 1048576 or 1M)")
      ->take_last()
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(std::size_t{1}, kMostClipboard))
      ->type_name("BYTES")
      ->group(kGroup);
}

}  // namespace

void add_view_options(CLI::App& command, ViewOptions& options) {
  add_web_options(command, options);
  add_clipboard_options(command, options);
  command
      .add_option_function<std::string>(
          "--trace", [&options](const std::string& file) { options.trace = {.file = file}; },
          "Write a line of JSON for each frame, for tests; -: to standard output")
      ->take_last()
      ->type_name("FILE");
  add_vnc_options(command, options);
  add_window_options(command, options);
  add_view_sandbox_options(command, options);
}

void add_view_sandbox_options(CLI::App& command, ViewOptions& options) {
  constexpr const char* kGroup = "Sandbox";
  command
      .add_option("--sandbox", options.sandbox,
                  "How much the process that shows the screens is confined: strict, basic, off, or auto (default: "
                  "strict, and basic with --window)")
      ->take_last()
      ->envname("HESPER_VIEW_SANDBOX")
      ->check(CLI::IsMember({"auto", "strict", "basic", "off"}))
      ->type_name("LEVEL")
      ->group(kGroup);
  command
      .add_flag("--require-sandbox", options.require_sandbox,
                "Show nothing where the system does not allow that level; otherwise the nearest one is used")
      ->envname("HESPER_VIEW_REQUIRE_SANDBOX")
      ->group(kGroup);
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
