// HostOfCommand: the host that doctor, plan, passthrough and tune look at: this one, or the one that --description FILE
// tells of.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "host/description.h"
#include "host/system.h"

namespace hesper::cli {

class HostOfCommand {
 public:
  // argv0: of this process, beside whose program Hesper's others are. description: empty for this host.
  // Errors: the file cannot be read or understood.
  [[nodiscard]] static Result<HostOfCommand> open(const char* argv0, const std::filesystem::path& description);

  [[nodiscard]] const host::System& system() const noexcept { return *recorder_; }
  // What was asked so far and answered, as a description.
  [[nodiscard]] std::string description() const { return recorder_->description(); }

 private:
  explicit HostOfCommand(std::unique_ptr<host::System> system);

  std::unique_ptr<host::System> system_;
  std::unique_ptr<host::Recorder> recorder_;
};

}  // namespace hesper::cli
