// Facts of one file, one program.
#include "host/fact.h"

#include <fmt/format.h>

#include <cerrno>

#include "host/text.h"
#include "vm/command_lines.h"

namespace hesper::host {

std::string line_of(const std::vector<std::string>& command) { return shown(vm::quoted_for_shell(command)); }

Fact<std::string> line_in(const System& system, const std::filesystem::path& file) {
  const auto text = system.read(file);
  if (!text) return unknown<std::string>(text.error().message, file);
  return known(shown(trimmed(*text)), file);
}

Fact<std::uint64_t> count_in(const System& system, const std::filesystem::path& file) {
  const auto text = system.read(file);
  if (!text) return unknown<std::uint64_t>(text.error().message, file);
  const auto number = number_in(*text);
  if (!number)
    return unknown<std::uint64_t>(
        fmt::format("'{}' holds no number, but \"{}\".", file.native(), shown(trimmed(*text), 32)), file);
  return known(*number, file);
}

Fact<bool> exists(const System& system, const std::filesystem::path& file) {
  const auto status = system.status(file);
  if (status) return known(true, file);
  if (status.error().code == ENOENT || status.error().code == ENOTDIR) return known(false, file);
  return unknown<bool>(status.error().message, file);
}

Fact<bool> opens(const System& system, const std::filesystem::path& file) {
  const auto may = system.may(Access::read_write, file);
  Fact<bool> fact = known(may.has_value(), file);
  if (!may) fact.why = may.error().message;
  return fact;
}

Fact<bool> has_program(const System& system, std::string_view name) {
  const auto found = system.find_program(name);
  return known(found.has_value(), found ? found->native() : fmt::format("{} in PATH", name));
}

bool is_there(const System& system, const std::filesystem::path& file) { return system.status(file).has_value(); }

std::string line_or_nothing(const System& system, const std::filesystem::path& file) {
  return line_in(system, file).value.value_or("");
}

Result<std::string> output_of(const System& system, const std::vector<std::string>& command,
                              std::chrono::milliseconds patience) {
  auto answer = system.run(command, patience);
  if (!answer) return std::unexpected(std::move(answer.error()));
  if (answer->status == 0) return std::move(answer->output);
  const std::string said = shown(trimmed(
      lines_of(trimmed(answer->errors)).empty() ? std::string_view() : lines_of(trimmed(answer->errors)).back()));
  return fail(
      fmt::format("'{}' ends with status {}{}", line_of(command), answer->status, said.empty() ? "." : ": " + said));
}

}  // namespace hesper::host
