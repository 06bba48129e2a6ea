// Enough for a compiler to do, and different for each value of the constant.
#version 450

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint turn = 1;
layout(set = 0, binding = 0) buffer Result {
  uint result[];
};
shared uint words[64];

void main() {
  const uint self = gl_LocalInvocationIndex;
  words[self] = self * turn;
  barrier();
  uint sum = 0;
  for (uint i = 0; i < 16; ++i) {
    sum = (sum ^ words[(self + i * turn) % 64]) * 2654435761u;
    if ((sum & 7u) == (turn & 7u)) sum = (sum << 3) | (sum >> 29);
  }
  result[gl_GlobalInvocationID.x] = sum;
}
