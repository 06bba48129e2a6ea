// Context: EGL's surfaceless platform, programs, errors.
#include "gl/context.h"

#include <EGL/eglext.h>

#include <array>
#include <stdexcept>

namespace hesper::clients {
namespace {

[[noreturn]] void fail_egl(const std::string& what) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string code;
  for (int shift = 12; shift >= 0; shift -= 4) code += kDigits[(eglGetError() >> shift) & 0xf];
  throw std::runtime_error(what + " fails (EGL error 0x" + code + ").");
}

}  // namespace

GlContext::GlContext() {
  display_ = eglGetPlatformDisplay(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, nullptr);
  if (display_ == EGL_NO_DISPLAY || eglInitialize(display_, nullptr, nullptr) == EGL_FALSE)
    fail_egl("Initializing EGL's surfaceless platform");
  constexpr std::array kWanted{EGL_CONTEXT_MAJOR_VERSION, 3, EGL_CONTEXT_MINOR_VERSION, 2, EGL_NONE};
  eglBindAPI(EGL_OPENGL_ES_API);
  context_ = eglCreateContext(display_, EGL_NO_CONFIG_KHR, EGL_NO_CONTEXT, kWanted.data());
  if (context_ == EGL_NO_CONTEXT) fail_egl("Creating an OpenGL ES 3.2 context");
  if (eglMakeCurrent(display_, EGL_NO_SURFACE, EGL_NO_SURFACE, context_) == EGL_FALSE)
    fail_egl("Making the context current without a surface");
}

GlContext::~GlContext() {
  eglMakeCurrent(display_, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
  eglDestroyContext(display_, context_);
  eglTerminate(display_);
}

GlProgram::GlProgram(const char* vertex, const char* fragment, const char* captured) {
  add(GL_VERTEX_SHADER, vertex);
  add(GL_FRAGMENT_SHADER, fragment);
  if (captured != nullptr) glTransformFeedbackVaryings(program_, 1, &captured, GL_INTERLEAVED_ATTRIBS);
  link();
}

GlProgram::GlProgram(const char* compute) {
  add(GL_COMPUTE_SHADER, compute);
  link();
}

void GlProgram::add(GLenum stage, const char* source) {
  const GLuint shader = glCreateShader(stage);
  glShaderSource(shader, 1, &source, nullptr);
  glCompileShader(shader);
  GLint compiled = GL_FALSE;
  glGetShaderiv(shader, GL_COMPILE_STATUS, &compiled);
  std::array<char, 2000> words{};
  glGetShaderInfoLog(shader, static_cast<GLsizei>(words.size()), nullptr, words.data());
  glAttachShader(program_, shader);
  glDeleteShader(shader);  // it lives as long as it is attached
  if (compiled == GL_FALSE) throw std::runtime_error(std::string("A shader does not compile: ") + words.data());
}

void GlProgram::link() {
  glLinkProgram(program_);
  GLint linked = GL_FALSE;
  glGetProgramiv(program_, GL_LINK_STATUS, &linked);
  if (linked == GL_TRUE) return;
  std::array<char, 2000> words{};
  glGetProgramInfoLog(program_, static_cast<GLsizei>(words.size()), nullptr, words.data());
  throw std::runtime_error(std::string("A program does not link: ") + words.data());
}

void check_gl(const std::string& where) {
  if (const GLenum error = glGetError(); error != GL_NO_ERROR)
    throw std::runtime_error("OpenGL reports error " + std::to_string(error) + " after " + where + ".");
}

}  // namespace hesper::clients
