// The log: one line a message on standard error, through spdlog. Levels: error, warn, info, debug, trace.
#pragma once

#include <spdlog/spdlog.h>

#include <string_view>

namespace hesper::log {

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::log;
using spdlog::trace;
using spdlog::warn;

// Sets the line format "<program>: <level>: <message>" and the level. `level` is one of the names above; the
// environment variable HESPER_LOG wins over it. An unknown name counts as "warn". Call once, before threads.
void start(std::string_view program, std::string_view level = "warn");

}  // namespace hesper::log
