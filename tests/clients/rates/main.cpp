// rates [--ms N]: how fast memory, descriptors and pipelines are dealt with, N milliseconds for each. JSON on stdout.
#include <cstdio>

#include "rates/rates.h"
#include "support/arguments.h"

namespace hesper::clients {
namespace {

void measure_rates(Arguments& arguments) {
  const double seconds = arguments.number("ms", 1000) / 1e3;
  arguments.finish();

  const Gpu gpu;
  const double mapped_us = rates::mapped_write_to_read(gpu, seconds);
  const double descriptors = rates::descriptor_updates(gpu, seconds);
  const double pipelines = rates::pipelines(gpu, seconds);
  const double upload = rates::upload(gpu, seconds);
  std::printf(
      "{\"mapped_write_to_read_us\": %.2f, \"descriptors_per_second\": %.0f, \"pipelines_per_second\": %.1f, "
      "\"upload_bytes_per_second\": %.0f}\n",
      mapped_us, descriptors, pipelines, upload);
}

}  // namespace
}  // namespace hesper::clients

int main(int argc, char** argv) { return hesper::clients::run(argc, argv, hesper::clients::measure_rates); }
