// Loader: finds the host's Vulkan loader at run time, so that a host without one gets a sentence and not a linker
// error. Chooses no device.
#pragma once

#include <memory>

#include "base/error.h"
#include "render/procs_gen.h"

namespace hesper::render {

class Loader {
 public:
  // Errors: no loader library; it is too old for Vulkan 1.1.
  [[nodiscard]] static Result<std::unique_ptr<Loader>> open();
  // The same with a driver that the caller has already: tests bring their own.
  [[nodiscard]] static Result<std::unique_ptr<Loader>> with(PFN_vkGetInstanceProcAddr entry);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  [[nodiscard]] const GlobalProcs& procs() const noexcept { return procs_; }
  [[nodiscard]] PFN_vkGetInstanceProcAddr get_instance_proc_addr() const noexcept { return get_instance_proc_addr_; }

 private:
  Loader() = default;

  PFN_vkGetInstanceProcAddr get_instance_proc_addr_ = nullptr;
  GlobalProcs procs_{};
};

}  // namespace hesper::render
