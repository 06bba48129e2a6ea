// Emitters: one function per generated pair of files. They turn a Plan into text and decide nothing about content.
#pragma once

#include <string>
#include <vector>

#include "plan.h"
#include "registry.h"

namespace wiregen {

inline constexpr int kRevision = 1;             // of the generator; stands in the first line of what it writes
inline constexpr std::size_t kStructFiles = 5;  // structs_gen_<n>.cpp; the CMake files know these numbers too
inline constexpr std::size_t kCommandFiles = 3;
inline constexpr std::size_t kDispatchFiles = 3;
inline constexpr std::size_t kReflectedStructFiles = 3;
inline constexpr std::size_t kReflectedCommandFiles = 3;

struct File {
  std::string path;  // below the output folder
  std::string content;
};
using Files = std::vector<File>;

[[nodiscard]] Files emit_types(const Registry& registry, const Plan& plan);
[[nodiscard]] Files emit_structs(const Registry& registry, const Plan& plan);
[[nodiscard]] Files emit_commands(const Registry& registry, const Plan& plan);
[[nodiscard]] Files emit_names(const Registry& registry, const Plan& plan);
[[nodiscard]] Files emit_schema(const Registry& registry, const Plan& plan);
[[nodiscard]] Files emit_procs(const Registry& registry, const Plan& plan);
[[nodiscard]] Files emit_dispatch(const Registry& registry, const Plan& plan);
[[nodiscard]] Files emit_formats(const Registry& registry, const Plan& plan);
[[nodiscard]] Files emit_reflection(const Registry& registry, const Plan& plan);
[[nodiscard]] Files emit_left_out(const Plan& plan);

// The first line of every generated file. what: what lives in it.
[[nodiscard]] std::string first_line(const Registry& registry, std::string_view what);

}  // namespace wiregen
