// Runs until somebody else stores something.
#version 450
layout(local_size_x = 1) in;
layout(set = 0, binding = 0) coherent volatile buffer Words { uint words[]; };
void main() {
  uint count = 0u;
  while (words[0] == 0u) count += words[1] + 1u;
  words[2] = count;
}
