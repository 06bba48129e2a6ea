// Context: OpenGL ES without a window, and owners of what GL and EGL create. Draws nothing.
#pragma once

#include <EGL/egl.h>
#include <GLES3/gl32.h>

#include <string>
#include <utility>

namespace hesper::clients {

// The current context of this thread for as long as it lives: OpenGL ES 3.2 on EGL's surfaceless platform.
class GlContext {
 public:
  GlContext();  // throws a sentence
  ~GlContext();
  GlContext(const GlContext&) = delete;
  GlContext& operator=(const GlContext&) = delete;

 private:
  EGLDisplay display_ = EGL_NO_DISPLAY;
  EGLContext context_ = EGL_NO_CONTEXT;
};

// A name made by glGenX(1, &name) and given back with glDeleteX(1, &name).
template <auto Generate, auto Delete>
class GlName {
 public:
  GlName() { Generate(1, &name_); }
  GlName(GlName&& from) noexcept : name_(std::exchange(from.name_, 0)) {}
  GlName& operator=(GlName&&) = delete;
  ~GlName() { Delete(1, &name_); }  // GL ignores 0
  [[nodiscard]] GLuint get() const noexcept { return name_; }

 private:
  GLuint name_ = 0;
};

using GlBuffer = GlName<glGenBuffers, glDeleteBuffers>;
using GlTexture = GlName<glGenTextures, glDeleteTextures>;
using GlRenderbuffer = GlName<glGenRenderbuffers, glDeleteRenderbuffers>;
using GlFramebuffer = GlName<glGenFramebuffers, glDeleteFramebuffers>;
using GlVertexArray = GlName<glGenVertexArrays, glDeleteVertexArrays>;
using GlQuery = GlName<glGenQueries, glDeleteQueries>;
using GlTransformFeedback = GlName<glGenTransformFeedbacks, glDeleteTransformFeedbacks>;

// A linked program. The constructors throw the compiler's or linker's words.
class GlProgram {
 public:
  GlProgram(const char* vertex, const char* fragment, const char* captured = nullptr);  // captured: a varying
  explicit GlProgram(const char* compute);
  ~GlProgram() { glDeleteProgram(program_); }
  GlProgram(const GlProgram&) = delete;
  GlProgram& operator=(const GlProgram&) = delete;
  void use() const { glUseProgram(program_); }
  [[nodiscard]] GLint uniform(const char* name) const { return glGetUniformLocation(program_, name); }

 private:
  void add(GLenum stage, const char* source);
  void link();

  GLuint program_ = glCreateProgram();
};

// Throws if GL has noted an error since the last call. where: for the sentence.
void check_gl(const std::string& where);

}  // namespace hesper::clients
