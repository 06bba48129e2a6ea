// The picture of the program gl, layer by layer.
#include "gl/picture.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "gl/context.h"
#include "gl/shaders.h"

namespace hesper::clients {
namespace {

constexpr GLsizei kPetals = 12;
constexpr GLsizei kSparks = 1024;
constexpr GLsizei kSparkBytes = 16;  // vec4
constexpr GLsizei kSamples = 4;
constexpr GLsizei kTextureSize = 64;

// What is drawn into: `samples` of color and depth for each pixel; 0: color only, not multisampled.
struct Target {
  GlFramebuffer framebuffer;
  GlRenderbuffer color;
  GlRenderbuffer depth;

  Target(GLsizei size, GLsizei samples) {
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer.get());
    glBindRenderbuffer(GL_RENDERBUFFER, color.get());
    glRenderbufferStorageMultisample(GL_RENDERBUFFER, samples, GL_RGBA8, size, size);
    glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER, color.get());
    if (samples != 0) {
      glBindRenderbuffer(GL_RENDERBUFFER, depth.get());
      glRenderbufferStorageMultisample(GL_RENDERBUFFER, samples, GL_DEPTH_COMPONENT24, size, size);
      glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_DEPTH_ATTACHMENT, GL_RENDERBUFFER, depth.get());
    }
    if (glCheckFramebufferStatus(GL_FRAMEBUFFER) != GL_FRAMEBUFFER_COMPLETE)
      throw std::runtime_error("A framebuffer is not complete.");
    glViewport(0, 0, size, size);
  }
};

// A chequered texture whose mip levels the GPU makes.
GlTexture chequers() {
  std::vector<std::uint8_t> pixels;
  for (GLsizei y = 0; y < kTextureSize; ++y)
    for (GLsizei x = 0; x < kTextureSize; ++x) {
      const bool light = ((x / 4) + (y / 4)) % 2 == 0;
      const auto shade = static_cast<std::uint8_t>(light ? 255 - 2 * x : 40 + 2 * y);
      pixels.insert(pixels.end(), {shade, static_cast<std::uint8_t>(3 * x), static_cast<std::uint8_t>(3 * y), 255});
    }
  GlTexture texture;
  glBindTexture(GL_TEXTURE_2D, texture.get());
  glTexStorage2D(GL_TEXTURE_2D, 7, GL_RGBA8, kTextureSize, kTextureSize);
  glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, kTextureSize, kTextureSize, GL_RGBA, GL_UNSIGNED_BYTE, pixels.data());
  glGenerateMipmap(GL_TEXTURE_2D);
  glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_LINEAR_MIPMAP_LINEAR);
  glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
  return texture;
}

void draw_floor(const GlTexture& texture) {
  const GlProgram program(kFloorVertex, kFloorFragment);
  program.use();
  glBindTexture(GL_TEXTURE_2D, texture.get());
  glDepthMask(GL_FALSE);
  glDrawArrays(GL_TRIANGLE_STRIP, 0, 4);
  glDepthMask(GL_TRUE);
  check_gl("the floor");
}

// Triangles that pierce each other, so that depth and multisampling decide. Returns whether any sample passed.
bool draw_petals() {
  const GlProgram program(kPetalVertex, kPetalFragment);
  program.use();
  const GlQuery query;
  glEnable(GL_DEPTH_TEST);
  glUniform1f(program.uniform("count"), static_cast<float>(kPetals));
  glBeginQuery(GL_ANY_SAMPLES_PASSED, query.get());
  glDrawArraysInstanced(GL_TRIANGLES, 0, 3, kPetals);
  glEndQuery(GL_ANY_SAMPLES_PASSED);
  glDisable(GL_DEPTH_TEST);
  GLuint passed = 0;
  glGetQueryObjectuiv(query.get(), GL_QUERY_RESULT, &passed);
  check_gl("the petals");
  return passed != 0;
}

// Points of a spiral that a compute shader writes.
void compute_sparks(const GlBuffer& sparks) {
  const GlProgram program(kSparkCompute);
  program.use();
  glBindBuffer(GL_SHADER_STORAGE_BUFFER, sparks.get());
  glBufferData(GL_SHADER_STORAGE_BUFFER, kSparks * kSparkBytes, nullptr, GL_STATIC_DRAW);
  glBindBufferBase(GL_SHADER_STORAGE_BUFFER, 0, sparks.get());
  glDispatchCompute(kSparks / 64, 1, 1);
  glMemoryBarrier(GL_VERTEX_ATTRIB_ARRAY_BARRIER_BIT);
  check_gl("the compute shader");
}

void use_as_positions(const GlBuffer& buffer) {
  glBindBuffer(GL_ARRAY_BUFFER, buffer.get());
  glEnableVertexAttribArray(0);
  glVertexAttribPointer(0, 4, GL_FLOAT, GL_FALSE, 0, nullptr);
}

// Mirrors `sparks` into `mirrored` without drawing. Returns the number of vertices that were captured.
GLuint capture_sparks(const GlBuffer& sparks, const GlBuffer& mirrored, const GlTransformFeedback& feedback) {
  const GlProgram program(kMirrorVertex, kNothingFragment, "mirrored");
  program.use();
  const GlQuery query;
  glBindBuffer(GL_TRANSFORM_FEEDBACK_BUFFER, mirrored.get());
  glBufferData(GL_TRANSFORM_FEEDBACK_BUFFER, kSparks * kSparkBytes, nullptr, GL_STATIC_DRAW);
  use_as_positions(sparks);
  glBindTransformFeedback(GL_TRANSFORM_FEEDBACK, feedback.get());
  glBindBufferBase(GL_TRANSFORM_FEEDBACK_BUFFER, 0, mirrored.get());
  glEnable(GL_RASTERIZER_DISCARD);
  glBeginQuery(GL_TRANSFORM_FEEDBACK_PRIMITIVES_WRITTEN, query.get());
  glBeginTransformFeedback(GL_POINTS);
  glDrawArrays(GL_POINTS, 0, kSparks);
  glEndTransformFeedback();
  glEndQuery(GL_TRANSFORM_FEEDBACK_PRIMITIVES_WRITTEN);
  glDisable(GL_RASTERIZER_DISCARD);
  glBindTransformFeedback(GL_TRANSFORM_FEEDBACK, 0);
  GLuint written = 0;
  glGetQueryObjectuiv(query.get(), GL_QUERY_RESULT, &written);
  check_gl("transform feedback");
  return written;
}

// Draws points over what is there, adding light.
void draw_sparks(const GlBuffer& positions, std::array<float, 4> color) {
  const GlProgram program(kSparkVertex, kSparkFragment);
  program.use();
  use_as_positions(positions);
  glUniform4fv(program.uniform("color"), 1, color.data());
  glEnable(GL_BLEND);
  glBlendFunc(GL_SRC_ALPHA, GL_ONE);
  glDrawArrays(GL_POINTS, 0, kSparks);
  glDisable(GL_BLEND);
  check_gl("the sparks");
}

// A band of another color, to see the scissor and the clear of a part.
void clear_band(GLsizei size) {
  glEnable(GL_SCISSOR_TEST);
  glScissor(size / 16, size / 16, size / 2, size / 16);
  glClearColor(0.2F, 0.6F, 1.0F, 1.0F);
  glClear(GL_COLOR_BUFFER_BIT);
  glDisable(GL_SCISSOR_TEST);
  check_gl("the band");
}

std::vector<std::byte> read_pixels(GLsizei size) {
  const std::size_t row = static_cast<std::size_t>(size) * 4;
  std::vector<std::byte> rgba(row * static_cast<std::size_t>(size));
  glReadPixels(0, 0, size, size, GL_RGBA, GL_UNSIGNED_BYTE, rgba.data());
  check_gl("reading the picture");
  for (std::size_t top = 0, bottom = rgba.size() - row; top < bottom; top += row, bottom -= row)  // GL begins below
    std::swap_ranges(rgba.begin() + static_cast<std::ptrdiff_t>(top),
                     rgba.begin() + static_cast<std::ptrdiff_t>(top + row),
                     rgba.begin() + static_cast<std::ptrdiff_t>(bottom));
  return rgba;
}

}  // namespace

GlPicture draw_gl_picture(std::uint32_t pixels) {
  const auto size = static_cast<GLsizei>(pixels);
  GlPicture picture;
  const GlVertexArray arrays;
  glBindVertexArray(arrays.get());
  const GlTexture texture = chequers();
  const GlBuffer sparks;
  const GlBuffer mirrored;
  const GlTransformFeedback feedback;

  const Target drawn(size, kSamples);
  glClearColor(0.05F, 0.05F, 0.1F, 1.0F);
  glClear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT);
  draw_floor(texture);
  picture.any_sample_passed = draw_petals();
  compute_sparks(sparks);
  picture.captured = capture_sparks(sparks, mirrored, feedback);
  draw_sparks(sparks, {1.0F, 0.8F, 0.3F, 0.5F});
  draw_sparks(mirrored, {0.3F, 0.8F, 1.0F, 0.5F});

  const Target resolved(size, 0);
  glBindFramebuffer(GL_READ_FRAMEBUFFER, drawn.framebuffer.get());
  glBlitFramebuffer(0, 0, size, size, 0, 0, size, size, GL_COLOR_BUFFER_BIT, GL_NEAREST);
  glBindFramebuffer(GL_READ_FRAMEBUFFER, resolved.framebuffer.get());
  clear_band(size);
  picture.rgba = read_pixels(size);
  return picture;
}

}  // namespace hesper::clients
