// hesper input: a script's lines, over an input channel.
#include "cli/input.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "base/log.h"
#include "cli/control_client.h"
#include "cli/input_script.h"
#include "cli/standard_output.h"
#include "input/message_sink.h"
#include "platform/socket.h"

namespace hesper::cli {
namespace {

// Of what it shows, or would if the guest did.
Result<std::optional<InputScript::Size>> size_of(const std::filesystem::path& socket, std::uint32_t number) {
  const auto report = ask_for_report(socket);
  if (!report) return std::unexpected(report.error());
  if (number >= report->display_count || report->displays[number].connected == 0)
    return std::optional<InputScript::Size>();
  const device::DisplayReport& display = report->displays[number];
  return InputScript::Size{.width = display.shown_width != 0 ? display.shown_width : display.width,
                           .height = display.shown_height != 0 ? display.shown_height : display.height};
}

// The newest of what has come. The first one comes with the channel.
void print_leds(int channel, std::optional<input::Leds>& newest) {
  input::ChannelLeds message;
  while ((!newest || platform::has_unread_bytes(channel)) &&
         platform::receive_exactly(channel, std::as_writable_bytes(std::span(&message, 1))) == platform::Received::all)
    newest = input::leds_of(message);
  const input::Leds leds = newest.value_or(input::Leds{});
  fmt::print("leds{}{}{}\n", leds.num_lock ? " num-lock" : "", leds.caps_lock ? " caps-lock" : "",
             leds.scroll_lock ? " scroll-lock" : "");
  flush_standard_output();
}

Result<void> run(const InputOptions& options) {
  const auto channel = open_channel(options.socket, device::ControlCommand::input);
  if (!channel) return std::unexpected(channel.error());
  bool lost = false;
  std::optional<input::Leds> leds;
  input::MessageSink sink([&](std::span<const input::ChannelMessage> messages) {
    if (!platform::wait_and_send(channel->get(), std::as_bytes(messages))) lost = true;
  });
  InputScript script(sink, {.size_of =
                                [&](std::uint32_t display) {
                                  const auto size = size_of(options.socket, display);
                                  return size ? *size : std::nullopt;
                                },
                            .wait = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); },
                            .print_leds = [&] { print_leds(channel->get(), leds); }});
  const auto execute = [&](const std::string& line) -> Result<void> {
    auto done = script.execute(line);
    if (done && lost) return fail("hesper gpu has closed the input channel.", EPIPE);
    return done;
  };
  for (const std::string& line : options.lines)
    if (auto done = execute(line); !done) return done;
  if (!options.lines.empty()) return {};
  for (std::string line; std::getline(std::cin, line);)
    if (auto done = execute(line); !done) return done;
  return {};
}

}  // namespace

int send_input(const InputOptions& options) {
  const auto done = run(options);
  if (done) return 0;
  log::error("{}", done.error().message);
  return 1;
}

}  // namespace hesper::cli
