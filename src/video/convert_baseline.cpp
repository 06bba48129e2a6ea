// The conversion for any machine of the kind that is built for: SSE2, NEON.
#include "video/convert_kernel.h"

namespace hesper::video {

void convert_baseline(const Job& job) noexcept { convert_rectangle(job); }

}  // namespace hesper::video
