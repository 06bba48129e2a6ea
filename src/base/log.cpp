// The log's set-up.
#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace hesper::log {

void start(std::string_view program, std::string_view level) {
  const char* from_environment = std::getenv("HESPER_LOG");
  std::string name(from_environment != nullptr ? std::string_view(from_environment) : level);
  auto logger =
      std::make_shared<spdlog::logger>(std::string(program), std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%n: %l: %v");
  const auto wanted = spdlog::level::from_str(name);
  logger->set_level(wanted == spdlog::level::off && name != "off" ? spdlog::level::warn : wanted);
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace hesper::log
