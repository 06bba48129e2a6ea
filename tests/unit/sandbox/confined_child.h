// A child process that enters the sandbox and then tries something.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sandbox/sandbox.h"

namespace hesper::sandbox {

// Where it runs: as whom, and what the kernel refuses it before it enters, as container runtimes do.
struct Place {
  const char* name;
  bool ordinary_user = false;
  std::vector<const char*> refused{};  // system calls
};

struct Outcome {
  Report report;
  std::string said;  // what the probe returned
  std::string log;   // standard error
  int signal = 0;    // that ended it; 0: none
};

// probe: runs confined, with the library of `family` named as the only driver. Returns what is wrong; "" if nothing is.
[[nodiscard]] Outcome run_confined(const Place& place, Options options, const std::string& library,
                                   const std::function<std::string()>& probe);

}  // namespace hesper::sandbox
