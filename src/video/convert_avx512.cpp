// The conversion for x86 with AVX-512 BW, VL and DQ.
#include "video/convert_kernel.h"

namespace hesper::video {

void convert_avx512(const Job& job) noexcept { convert_rectangle(job); }

}  // namespace hesper::video
