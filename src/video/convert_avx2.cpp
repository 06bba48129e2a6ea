// The conversion for x86 with AVX2.
#include "video/convert_kernel.h"

namespace hesper::video {

void convert_avx2(const Job& job) noexcept { convert_rectangle(job); }

}  // namespace hesper::video
