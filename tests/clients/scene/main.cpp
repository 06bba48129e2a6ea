// scene [--output FILE.png] [--size N] [--tiles N] [--stars N]: draws the scene and prints its checksum.
#include <cstdio>

#include "scene/scene.h"
#include "support/arguments.h"
#include "support/picture.h"

namespace {

void scene(hesper::clients::Arguments& arguments) {
  hesper::clients::SceneOptions options;
  options.size = arguments.number("size", options.size);
  options.tiles = arguments.number("tiles", options.tiles);
  options.stars = arguments.number("stars", options.stars);
  const std::string output = arguments.text("output", "");
  arguments.finish();

  const hesper::clients::Frame frame = draw_scene(options);
  if (!output.empty()) hesper::clients::write_png(output, options.size, options.size, frame.rgba);
  std::printf("crc32 %08x\nsolid samples %llu\n", hesper::clients::crc32_of(frame.rgba),
              static_cast<unsigned long long>(frame.solid_samples));
  std::fprintf(stderr, "gpu time %.3f ms\n", static_cast<double>(frame.gpu_nanoseconds) / 1e6);
}

}  // namespace

int main(int argc, char** argv) { return hesper::clients::run(argc, argv, scene); }
