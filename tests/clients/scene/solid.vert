// An instanced mesh.
#version 450
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec2 uv;
layout(location = 3) in vec4 instance_place;  // xyz, scale
layout(location = 4) in vec4 instance_colour;
layout(set = 0, binding = 0) uniform Camera { mat4 view_projection; vec4 light; } camera;
layout(push_constant) uniform Push { vec4 spin; } push;  // cosine, sine
layout(location = 0) out vec4 colour;
layout(location = 1) out vec2 texture_place;
void main() {
  mat3 turn = mat3(push.spin.x, 0, -push.spin.y, 0, 1, 0, push.spin.y, 0, push.spin.x);
  vec3 world = instance_place.xyz + instance_place.w * (turn * position);
  gl_Position = camera.view_projection * vec4(world, 1.0);
  float lit = 0.25 + 0.75 * max(dot(turn * normal, camera.light.xyz), 0.0);
  colour = vec4(instance_colour.rgb * lit, instance_colour.a);
  texture_place = uv;
}
