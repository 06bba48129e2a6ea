// gl [--output FILE.png] [--size N]: draws a picture with OpenGL ES and prints its checksum, and what draws it.
#include <cstdio>
#include <stdexcept>

#include "gl/context.h"
#include "gl/picture.h"
#include "support/arguments.h"
#include "support/picture.h"

namespace {

void gl(hesper::clients::Arguments& arguments) {
  const std::uint32_t size = arguments.number("size", 512);
  const std::string output = arguments.text("output", "");
  arguments.finish();

  const hesper::clients::GlContext context;
  // SAFETY: GL keeps the string as long as the context.
  std::fprintf(stderr, "%s\n", reinterpret_cast<const char*>(glGetString(GL_RENDERER)));
  const hesper::clients::GlPicture picture = hesper::clients::draw_gl_picture(size);
  if (!output.empty()) hesper::clients::write_png(output, size, size, picture.rgba);
  std::printf("crc32 %08x\nany sample passed %d\ncaptured %u\n", hesper::clients::crc32_of(picture.rgba),
              picture.any_sample_passed ? 1 : 0, picture.captured);
}

}  // namespace

int main(int argc, char** argv) { return hesper::clients::run(argc, argv, gl); }
