// Loader: dlopen and the global functions.
#include "render/loader.h"

#include <dlfcn.h>

#include <array>
#include <string>

namespace hesper::render {
namespace {

#ifdef __APPLE__
constexpr std::array kLibraries{"libvulkan.1.dylib", "libvulkan.dylib", "libMoltenVK.dylib"};
#else
constexpr std::array kLibraries{"libvulkan.so.1"};
#endif

}  // namespace

Result<std::unique_ptr<Loader>> Loader::open() {
  void* library = nullptr;
  for (const char* name : kLibraries) {
    library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library != nullptr) break;
  }
  if (library == nullptr) {
    return fail(std::string("The host has no Vulkan loader (") + kLibraries[0] +
                "); install it (Debian: apt install libvulkan1).");
  }
  void* entry = ::dlsym(library, "vkGetInstanceProcAddr");
  if (entry == nullptr) return fail("The host's Vulkan loader does not export vkGetInstanceProcAddr.");
  // SAFETY: POSIX lets a function pointer travel through dlsym's void pointer.
  return with(reinterpret_cast<PFN_vkGetInstanceProcAddr>(entry));
}

Result<std::unique_ptr<Loader>> Loader::with(PFN_vkGetInstanceProcAddr entry) {
  std::unique_ptr<Loader> loader(new Loader);
  loader->get_instance_proc_addr_ = entry;
  load(loader->procs_, loader->get_instance_proc_addr_);
  if (loader->procs_.vkCreateInstance == nullptr || loader->procs_.vkEnumerateInstanceVersion == nullptr) {
    return fail("The host's Vulkan loader is older than Vulkan 1.1; install a newer one.");
  }
  return loader;
}

// The library stays loaded: drivers leave threads and exit handlers behind that outlive a dlclose.
Loader::~Loader() = default;

}  // namespace hesper::render
