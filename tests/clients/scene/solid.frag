// Textured surface; the specialization constants choose the pattern on it.
#version 450
layout(constant_id = 0) const int pattern = 0;
layout(constant_id = 1) const float strength = 0.5;
layout(set = 0, binding = 1) uniform sampler2D surface;
layout(location = 0) in vec4 colour;
layout(location = 1) in vec2 texture_place;
layout(location = 0) out vec4 pixel;
void main() {
  vec2 cell = fract(texture_place * float(4 + pattern));
  float stripe = pattern % 2 == 0 ? step(0.5, cell.x) : step(0.5, cell.y);
  vec3 base = texture(surface, texture_place * 4.0).rgb;
  pixel = vec4(colour.rgb * mix(base, base * stripe, strength), 1.0);
}
