// A translucent square in front of the scene.
#version 450
layout(push_constant) uniform Push { vec4 place; vec4 colour; } push;
layout(location = 0) out vec4 colour;
layout(location = 1) out vec2 texture_place;
void main() {
  const vec2 corners[6] = vec2[](vec2(0, 0), vec2(1, 0), vec2(0, 1), vec2(0, 1), vec2(1, 0), vec2(1, 1));
  texture_place = corners[gl_VertexIndex];
  gl_Position = vec4(push.place.xy + texture_place * push.place.zw, 0.1, 1.0);
  colour = push.colour;
}
