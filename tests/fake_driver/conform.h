// Conform: random contents that keep the rules of src/wire/checks.h, without which no server takes a command.
#pragma once

#include "base/arena.h"
#include "reflection.h"

namespace hesper::fake {

// After a struct, with its chain, or a command's parameters were filled. Does nothing for those without rules.
void conform(const Type& type, void* value, Arena& arena);

}  // namespace hesper::fake
