// hesper doctor: what this host can do for `hesper run`, what is in the way, and what to type. Changes nothing.
#pragma once

#include <filesystem>
#include <string>

namespace CLI {
class App;
}

namespace hesper::cli {

struct DoctorOptions {
  bool json = false;
  bool verbose = false;  // all findings, and where facts come from
  bool proof = true;     // draw a picture through the whole path
  bool force = false;    // replace files that exist
  std::string colours = "auto";
  std::filesystem::path fix_script;   // empty: none is written
  std::filesystem::path describe;     // likewise
  std::filesystem::path description;  // of another host; empty: this one
};

// options: filled when the command line is parsed, and must live as long as `app`.
CLI::App* add_doctor_command(CLI::App& app, DoctorOptions& options);

// Returns the exit status: 0 if hesper run works at full acceleration, 1 at a reduced one, 2 without, and
// kExitHesperFailed if that could not be found out. Errors are logged.
[[nodiscard]] int doctor(const char* argv0, const DoctorOptions& options);

}  // namespace hesper::cli
