// InputScript: words to calls of a Sink.
#include "cli/input_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <utility>

#include "input/config_space.h"
#include "input/keymap.h"

namespace hesper::cli {
namespace {

constexpr std::uint32_t kNotch = 120;

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    if (end != 0) words.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return words;
}

template <class Number>
Result<Number> number_of(const std::string& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    return fail(fmt::format("\"{}\" is no number that is possible here.", text), EINVAL);
  return number;
}

Result<input::KeyCode> key_of(const std::string& name) {
  const auto code = input::key_of_name(name);
  if (!code) return fail(fmt::format("No key has the name \"{}\".", name), EINVAL);
  return *code;
}

Result<input::KeyCode> button_of(const std::string& name) {
  const auto code = input::button_of_name(name);
  if (!code) return fail(fmt::format("No button has the name \"{}\".", name), EINVAL);
  return *code;
}

Result<std::uint32_t> finger_of(const std::string& text) {
  auto finger = number_of<std::uint32_t>(text);
  if (finger && *finger >= input::kFingers) return fail(fmt::format("There is no finger {}.", *finger), EINVAL);
  return finger;
}

// The middle of a pixel, so that whoever divides the other way finds the same one.
std::uint16_t place_of(std::uint32_t pixel, std::uint32_t size) {
  return static_cast<std::uint16_t>(((std::uint64_t{pixel} << 16) + (1U << 15)) / size);
}

}  // namespace

Result<void> InputScript::execute(std::string_view line) {
  const Words words = words_of(line);
  if (words.empty() || words[0].starts_with('#')) return {};
  const std::string& command = words[0];
  const auto takes = [&](std::size_t least, std::size_t most) {
    return words.size() > least && words.size() <= most + 1;
  };
  if (command == "type") {
    const std::size_t begin = line.find("type") + 4;
    return type(line.substr(std::min(begin + 1, line.size())));
  }
  if (command == "key" && takes(1, 1)) return press_chord(words[1]);
  if ((command == "down" || command == "up") && takes(1, 1)) return hold(words[1], command == "down");
  if (command == "click" && takes(0, 1)) return click(words.size() > 1 ? words[1] : "left");
  if (command == "move" && takes(2, 3)) return point(Words(words.begin() + 1, words.end()), std::nullopt);
  if (command == "touch" && takes(3, 4)) {
    const auto finger = finger_of(words[1]);
    if (!finger) return std::unexpected(finger.error());
    return point(Words(words.begin() + 2, words.end()), *finger);
  }
  if (command == "lift" && takes(1, 1)) {
    const auto finger = finger_of(words[1]);
    if (!finger) return std::unexpected(finger.error());
    sink_.touch_end(*finger);
    sink_.flush();
    return {};
  }
  if (command == "by" && takes(2, 2)) {
    const auto x = number_of<std::int32_t>(words[1]);
    const auto y = number_of<std::int32_t>(words[2]);
    if (!x || !y) return std::unexpected((!x ? x : y).error());
    sink_.move_by(*x, *y);
    sink_.flush();
    return {};
  }
  if (command == "scroll" && takes(1, 2)) {
    const auto vertical = number_of<double>(words[1]);
    const auto horizontal = words.size() > 2 ? number_of<double>(words[2]) : 0.0;
    if (!vertical || !horizontal) return std::unexpected((!vertical ? vertical : horizontal).error());
    const auto steps = [](double notches) {
      return static_cast<std::int32_t>(std::lround(std::clamp(notches, -200.0, 200.0) * kNotch));
    };
    sink_.scroll(steps(*vertical), steps(*horizontal));
    sink_.flush();
    return {};
  }
  if (command == "wait" && takes(1, 1)) {
    const auto time = number_of<std::uint32_t>(words[1]);
    if (!time) return std::unexpected(time.error());
    surroundings_.wait(std::chrono::milliseconds(*time));
    return {};
  }
  if (command == "leds" && takes(0, 0)) {
    surroundings_.print_leds();
    return {};
  }
  return fail(fmt::format("\"{}\" cannot be understood; hesper input --help lists what can.", line), EINVAL);
}

Result<void> InputScript::type(std::string_view text) {
  std::vector<input::Stroke> strokes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char32_t character = static_cast<unsigned char>(text[i]);
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      character = text[i] == 'n' ? U'\n' : text[i] == 't' ? U'\t' : static_cast<unsigned char>(text[i]);
    }
    const auto stroke = character < 0x80 ? input::stroke_of_character(character) : std::nullopt;
    if (!stroke)
      return fail(fmt::format("\"{}\" has a character that a US keyboard does not have, at byte {}.", text, i), EINVAL);
    strokes.push_back(*stroke);
  }
  const input::KeyCode shift = *input::key_of_name("shift");
  for (const input::Stroke& stroke : strokes) {
    if (stroke.shift) {
      sink_.key(shift, true);
      sink_.flush();
    }
    for (const bool down : {true, false}) {
      sink_.key(stroke.code, down);
      sink_.flush();
    }
    if (stroke.shift) {
      sink_.key(shift, false);
      sink_.flush();
    }
    surroundings_.wait(kBetweenKeys);
  }
  return {};
}

Result<void> InputScript::press_chord(std::string_view chord) {
  std::vector<input::KeyCode> codes;
  while (true) {
    const std::size_t plus = chord.find('+');
    const auto code = key_of(std::string(chord.substr(0, plus)));
    if (!code) return std::unexpected(code.error());
    codes.push_back(*code);
    if (plus == std::string_view::npos) break;
    chord.remove_prefix(plus + 1);
  }
  for (const input::KeyCode code : codes) {
    sink_.key(code, true);
    sink_.flush();
  }
  std::ranges::reverse(codes);
  for (const input::KeyCode code : codes) {
    sink_.key(code, false);
    sink_.flush();
  }
  return {};
}

Result<void> InputScript::hold(const std::string& name, bool down) {
  constexpr std::string_view kButton = "button-";
  const bool is_button = name.starts_with(kButton);
  const auto code = is_button ? button_of(name.substr(kButton.size())) : key_of(name);
  if (!code) return std::unexpected(code.error());
  if (is_button)
    sink_.button(*code, down);
  else
    sink_.key(*code, down);
  sink_.flush();
  return {};
}

Result<void> InputScript::click(const std::string& name) {
  const auto code = button_of(name);
  if (!code) return std::unexpected(code.error());
  for (const bool down : {true, false}) {
    sink_.button(*code, down);
    sink_.flush();
  }
  return {};
}

// words: X Y [DISPLAY]. Without a finger, it is the pointer that goes there.
Result<void> InputScript::point(const Words& words, std::optional<std::uint32_t> finger) {
  const auto x = number_of<std::uint32_t>(words[0]);
  const auto y = number_of<std::uint32_t>(words[1]);
  const auto display = words.size() > 2 ? number_of<std::uint32_t>(words[2]) : 0U;
  for (const auto* number : {&x, &y, &display})
    if (!*number) return std::unexpected(number->error());
  const auto size = surroundings_.size_of(*display);
  if (!size || size->width == 0 || size->height == 0)
    return fail(fmt::format("There is no display {}.", *display), EINVAL);
  if (*x >= size->width || *y >= size->height)
    return fail(
        fmt::format("Pixel {}, {} is not on display {}, which has {}x{}.", *x, *y, *display, size->width, size->height),
        EINVAL);
  const std::uint16_t across = place_of(*x, size->width);
  const std::uint16_t down = place_of(*y, size->height);
  if (finger)
    sink_.touch(*finger, *display, across, down);
  else
    sink_.move_to(*display, across, down);
  sink_.flush();
  return {};
}

}  // namespace hesper::cli
