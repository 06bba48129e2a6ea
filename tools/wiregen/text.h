// Text: lines of generated code with indentation, and the files they become.
#pragma once

#include <expected>
#include <format>
#include <string>
#include <string_view>

namespace wiregen {

class Text {
 public:
  template <class... Args>
  void line(std::format_string<Args...> format, Args&&... args) {
    put(std::format(format, std::forward<Args>(args)...));
  }
  void blank() { text_ += '\n'; }
  // Lines until the matching close() stand two columns further right.
  template <class... Args>
  void open(std::format_string<Args...> format, Args&&... args) {
    put(std::format(format, std::forward<Args>(args)...));
    ++depth_;
  }
  void close(std::string_view end = "}") {
    --depth_;
    if (!end.empty()) put(end);
  }
  [[nodiscard]] const std::string& str() const { return text_; }

 private:
  void put(std::string_view content) {
    text_.append(depth_ * 2, ' ');
    text_ += content;
    text_ += '\n';
  }

  std::string text_;
  std::size_t depth_ = 0;
};

// Leaves a file alone whose content is the same, so that nothing that includes it is compiled again.
[[nodiscard]] std::expected<void, std::string> write_file(const std::string& path, const std::string& content);

}  // namespace wiregen
