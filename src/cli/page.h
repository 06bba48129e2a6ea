// Page: text for people at a terminal or in a file: wrapped, coloured if wanted, and never obeyed by the terminal,
// whatever the names in it say.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "advice/step.h"

namespace hesper::cli {

enum class Style : std::uint8_t { plain, bold, faint, good, better, bad, unknown };

struct PageLook {
  std::size_t columns = 80;
  bool colours = false;
};

// For standard output. colours: "auto" (a terminal, and neither NO_COLOR nor TERM=dumb), "always" or "never".
[[nodiscard]] PageLook look_of_standard_output(std::string_view colours);

class Page {
 public:
  explicit Page(PageLook look) : look_(look) {}

  // A paragraph. It is wrapped and indented; `first` (with a style of its own, not wrapped) stands at its beginning,
  // and is part of the indentation where it is shorter than that.
  void add(std::string_view text, std::size_t indent, Style style = Style::plain, std::string_view first = {},
           Style first_style = Style::plain);
  // Not wrapped, so that it can be copied.
  void add_line(std::string_view text, std::size_t indent, Style style = Style::plain);
  void add_empty_line() { text_ += '\n'; }
  // What is typed, one line each, then what happens then; not what is behind it.
  void add_step(const advice::Step& step, std::size_t indent);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] std::string styled(std::string_view text, Style style) const;

 private:
  PageLook look_;
  std::string text_;
};

}  // namespace hesper::cli
