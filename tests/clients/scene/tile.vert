// One tile of the backdrop: six corners from the vertex number, place and colour from push constants.
#version 450
layout(push_constant) uniform Push { vec4 place; vec4 colour; } push;
layout(location = 0) out vec4 colour;
void main() {
  const vec2 corners[6] = vec2[](vec2(0, 0), vec2(1, 0), vec2(0, 1), vec2(0, 1), vec2(1, 0), vec2(1, 1));
  gl_Position = vec4(push.place.xy + corners[gl_VertexIndex] * push.place.zw, 0.999, 1.0);
  colour = push.colour;
}
