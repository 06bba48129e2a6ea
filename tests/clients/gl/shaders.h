// The shaders of the program gl, in OpenGL ES Shading Language 3.20. What they draw stands in picture.cpp.
#pragma once

namespace hesper::clients {

// A plane that runs to the horizon, so that all mip levels are seen.
inline constexpr const char* kFloorVertex = R"(#version 320 es
out vec2 place;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0 - 1.0;
  float distance = corner.y < 0.0 ? 1.0 : 12.0;
  place = vec2(corner.x * distance, distance) * 0.7;
  gl_Position = vec4(corner * distance, 0.0, distance);
}
)";

inline constexpr const char* kFloorFragment = R"(#version 320 es
precision highp float;
uniform sampler2D chequers;
in vec2 place;
out vec4 color;
void main() { color = vec4(texture(chequers, place).rgb * 0.6, 1.0); }
)";

inline constexpr const char* kPetalVertex = R"(#version 320 es
uniform float count;
flat out vec3 tint;
void main() {
  float turn = 6.2831853 * float(gl_InstanceID) / count;
  vec2 corner = vec2[](vec2(0.05, 0.0), vec2(0.8, -0.22), vec2(0.8, 0.22))[gl_VertexID];
  float depth = float[](0.5, 0.1, 0.9)[gl_VertexID];
  vec2 turned = mat2(cos(turn), sin(turn), -sin(turn), cos(turn)) * corner;
  tint = 0.5 + 0.5 * cos(turn + vec3(0.0, 2.1, 4.2));
  gl_Position = vec4(turned, depth * 2.0 - 1.0, 1.0);
}
)";

inline constexpr const char* kPetalFragment = R"(#version 320 es
precision highp float;
flat in vec3 tint;
out vec4 color;
void main() { color = vec4(tint * (1.0 - 0.6 * gl_FragCoord.z), 1.0); }
)";

inline constexpr const char* kSparkCompute = R"(#version 320 es
layout(local_size_x = 64) in;
layout(std430, binding = 0) writeonly buffer Sparks { vec4 sparks[]; };
void main() {
  float part = float(gl_GlobalInvocationID.x) / 1024.0;
  float turn = part * 50.0;
  sparks[gl_GlobalInvocationID.x] = vec4(part * cos(turn), 0.5 * part * sin(turn) + 0.4, 0.0, 1.0);
}
)";

inline constexpr const char* kMirrorVertex = R"(#version 320 es
layout(location = 0) in vec4 position;
out vec4 mirrored;
void main() {
  mirrored = vec4(position.x, -position.y, position.zw);
  gl_Position = position;
}
)";

inline constexpr const char* kNothingFragment = R"(#version 320 es
void main() {}
)";

inline constexpr const char* kSparkVertex = R"(#version 320 es
layout(location = 0) in vec4 position;
void main() {
  gl_Position = position;
  gl_PointSize = 3.0;
}
)";

inline constexpr const char* kSparkFragment = R"(#version 320 es
precision highp float;
uniform vec4 color;
out vec4 light;
void main() { light = color; }
)";

}  // namespace hesper::clients
