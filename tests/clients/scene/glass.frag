// Shows what the compute pass painted.
#version 450
layout(set = 0, binding = 0) uniform sampler2D painted;
layout(location = 0) in vec4 colour;
layout(location = 1) in vec2 texture_place;
layout(location = 0) out vec4 pixel;
void main() { pixel = vec4(texture(painted, texture_place).rgb * colour.rgb, colour.a); }
