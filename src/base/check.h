// HESPER_CHECK: for our own bugs only; stays on in release builds. Client bytes never trip it.
#pragma once

#include <cstdio>
#include <cstdlib>

#define HESPER_CHECK(condition)                                                                                    \
  do {                                                                                                             \
    if (!(condition)) [[unlikely]] {                                                                               \
      std::fprintf(stderr, "%s:%d: This is a bug in Hesper: %s does not hold.\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                                                \
    }                                                                                                              \
  } while (false)
