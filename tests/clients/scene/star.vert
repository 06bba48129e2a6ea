// One point of the big upload.
#version 450
layout(location = 0) in vec4 star;  // x, y, brightness, hue
layout(location = 0) out vec4 colour;
void main() {
  gl_Position = vec4(star.xy, 0.998, 1.0);
  gl_PointSize = 1.0;
  colour = vec4(star.z * vec3(star.w, 0.5, 1.0 - star.w), 1.0);
}
