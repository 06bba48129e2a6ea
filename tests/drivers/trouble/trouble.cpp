// A Vulkan driver that is another one, but for one call that goes wrong: to see what becomes of a worker whose driver
// fails, hangs, spins or crashes in the middle of a command. Used through the Vulkan loader, as any driver.
//
// HESPER_TROUBLE_DRIVER  the library of the real driver
// HESPER_TROUBLE         HOW:COMMAND:K[:APPLICATION]: what happens at the K-th call (from 1) of COMMAND, in processes
//                        whose instance was made for APPLICATION (all, if it is not given). HOW is crash, exit, hang
//                        (sleeps for ever), spin (works for ever), or a VkResult: a number that the call returns
//                        without doing anything.
#include <dlfcn.h>
#include <unistd.h>
#include <vulkan/vulkan_core.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

struct Trouble {
  std::string how;
  std::string command;
  long call = 0;
  std::string application;
};

Trouble parse() {
  const char* text = std::getenv("HESPER_TROUBLE");
  if (text == nullptr) return {};
  std::string_view rest(text);
  const auto next = [&] {
    const std::string_view part = rest.substr(0, rest.find(':'));
    rest.remove_prefix(part.size() == rest.size() ? rest.size() : part.size() + 1);
    return std::string(part);
  };
  Trouble result;
  result.how = next();
  result.command = next();
  result.call = std::atol(next().c_str());
  result.application = next();
  return result;
}

const Trouble& trouble() {
  static const Trouble parsed = parse();
  return parsed;
}

std::atomic<bool> armed = false;
std::atomic<long> calls = 0;

using Lookup = PFN_vkVoidFunction (*)(void*, const char*);
using Negotiate = VkResult (*)(std::uint32_t*);
Lookup real_lookup = nullptr;
Lookup real_physical_lookup = nullptr;
Negotiate real_negotiate = nullptr;
PFN_vkCreateInstance real_create_instance = nullptr;
PFN_vkGetDeviceProcAddr real_device_lookup = nullptr;

bool load() {
  static const bool loaded = [] {
    const char* path = std::getenv("HESPER_TROUBLE_DRIVER");
    void* library = path == nullptr ? nullptr : ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      std::fprintf(stderr, "trouble: HESPER_TROUBLE_DRIVER does not name a driver's library.\n");
      return false;
    }
    real_lookup = reinterpret_cast<Lookup>(::dlsym(library, "vk_icdGetInstanceProcAddr"));
    real_physical_lookup = reinterpret_cast<Lookup>(::dlsym(library, "vk_icdGetPhysicalDeviceProcAddr"));
    real_negotiate = reinterpret_cast<Negotiate>(::dlsym(library, "vk_icdNegotiateLoaderICDInterfaceVersion"));
    return real_lookup != nullptr && real_negotiate != nullptr;
  }();
  return loaded;
}

}  // namespace

extern "C" {

// For trouble_gate: the real function, and what to return instead of calling it.
void* trouble_real = nullptr;
int trouble_result = 0;

// 1: return trouble_result; 0: call the real function.
int trouble_step() {
  if (!armed || ++calls != trouble().call) return 0;
  const std::string& how = trouble().how;
  std::fprintf(stderr, "trouble: %s in %s\n", how.c_str(), trouble().command.c_str());
  if (how == "crash") ::raise(SIGSEGV);
  if (how == "exit") std::exit(0);
  while (how == "hang") ::sleep(1);
  if (how == "spin") {
    for (std::atomic<std::uint64_t> count = 0;; ++count) {
    }
  }
  trouble_result = std::atoi(how.c_str());
  return 1;
}

// Stands for a function of any signature: keeps every register that may hold an argument, and jumps on.
void trouble_gate();
#if defined(__x86_64__)
asm(R"(
.text
.globl trouble_gate
.hidden trouble_gate
trouble_gate:
  push %rdi
  push %rsi
  push %rdx
  push %rcx
  push %r8
  push %r9
  sub $136, %rsp
  movups %xmm0, (%rsp)
  movups %xmm1, 16(%rsp)
  movups %xmm2, 32(%rsp)
  movups %xmm3, 48(%rsp)
  movups %xmm4, 64(%rsp)
  movups %xmm5, 80(%rsp)
  movups %xmm6, 96(%rsp)
  movups %xmm7, 112(%rsp)
  call trouble_step@PLT
  movups (%rsp), %xmm0
  movups 16(%rsp), %xmm1
  movups 32(%rsp), %xmm2
  movups 48(%rsp), %xmm3
  movups 64(%rsp), %xmm4
  movups 80(%rsp), %xmm5
  movups 96(%rsp), %xmm6
  movups 112(%rsp), %xmm7
  add $136, %rsp
  pop %r9
  pop %r8
  pop %rcx
  pop %rdx
  pop %rsi
  pop %rdi
  test %eax, %eax
  jnz 1f
  mov trouble_real@GOTPCREL(%rip), %rax
  jmp *(%rax)
1:
  mov trouble_result@GOTPCREL(%rip), %rax
  mov (%rax), %eax
  ret
)");
#elif defined(__aarch64__)
asm(R"(
.text
.globl trouble_gate
.hidden trouble_gate
trouble_gate:
  stp x29, x30, [sp, #-208]!
  stp x0, x1, [sp, #16]
  stp x2, x3, [sp, #32]
  stp x4, x5, [sp, #48]
  stp x6, x7, [sp, #64]
  stp q0, q1, [sp, #80]
  stp q2, q3, [sp, #112]
  stp q4, q5, [sp, #144]
  stp q6, q7, [sp, #176]
  bl trouble_step
  mov w16, w0
  ldp x0, x1, [sp, #16]
  ldp x2, x3, [sp, #32]
  ldp x4, x5, [sp, #48]
  ldp x6, x7, [sp, #64]
  ldp q0, q1, [sp, #80]
  ldp q2, q3, [sp, #112]
  ldp q4, q5, [sp, #144]
  ldp q6, q7, [sp, #176]
  ldp x29, x30, [sp], #208
  cbnz w16, 1f
  adrp x16, :got:trouble_real
  ldr x16, [x16, #:got_lo12:trouble_real]
  ldr x16, [x16]
  br x16
1:
  adrp x16, :got:trouble_result
  ldr x16, [x16, #:got_lo12:trouble_result]
  ldr w0, [x16]
  ret
)");
#else
#error "The gate is written for x86-64 and aarch64."
#endif

}  // extern "C"

namespace {

VkResult create_instance(const VkInstanceCreateInfo* info, const VkAllocationCallbacks* allocator, VkInstance* out) {
  const VkApplicationInfo* application = info->pApplicationInfo;
  const char* name = application != nullptr ? application->pApplicationName : nullptr;
  armed = trouble().call > 0 && (trouble().application.empty() || trouble().application == (name ? name : ""));
  if (trouble().command == "vkCreateInstance" && trouble_step() != 0) return static_cast<VkResult>(trouble_result);
  return real_create_instance(info, allocator, out);
}

PFN_vkVoidFunction device_lookup(VkDevice device, const char* name);

// What the loader or a program gets instead of `real`.
PFN_vkVoidFunction replaced(PFN_vkVoidFunction real, const char* name) {
  if (real == nullptr) return nullptr;
  if (std::string_view(name) == "vkCreateInstance") {
    real_create_instance = reinterpret_cast<PFN_vkCreateInstance>(real);
    return reinterpret_cast<PFN_vkVoidFunction>(create_instance);
  }
  if (std::string_view(name) == "vkGetDeviceProcAddr") {
    real_device_lookup = reinterpret_cast<PFN_vkGetDeviceProcAddr>(real);
    return reinterpret_cast<PFN_vkVoidFunction>(device_lookup);
  }
  if (trouble().command != name) return real;
  trouble_real = reinterpret_cast<void*>(real);
  return trouble_gate;
}

PFN_vkVoidFunction device_lookup(VkDevice device, const char* name) {
  return replaced(real_device_lookup(device, name), name);
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) VkResult vk_icdNegotiateLoaderICDInterfaceVersion(std::uint32_t* version) {
  return load() ? real_negotiate(version) : VK_ERROR_INCOMPATIBLE_DRIVER;
}

__attribute__((visibility("default"))) PFN_vkVoidFunction vk_icdGetInstanceProcAddr(VkInstance instance,
                                                                                    const char* name) {
  return load() ? replaced(real_lookup(instance, name), name) : nullptr;
}

__attribute__((visibility("default"))) PFN_vkVoidFunction vk_icdGetPhysicalDeviceProcAddr(VkInstance instance,
                                                                                          const char* name) {
  return load() && real_physical_lookup != nullptr ? replaced(real_physical_lookup(instance, name), name) : nullptr;
}

}  // extern "C"
