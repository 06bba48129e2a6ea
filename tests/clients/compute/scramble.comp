// One round of a reversible integer hash over a buffer.
#version 450
layout(local_size_x = 256) in;
layout(push_constant) uniform Push { uint count; uint seed; } push;
layout(set = 0, binding = 0) buffer Words { uint words[]; };
void main() {
  for (uint i = gl_GlobalInvocationID.x; i < push.count; i += gl_NumWorkGroups.x * 256u) {
    words[i] = (words[i] ^ push.seed) * 0x9E3779B1u + i;
  }
}
