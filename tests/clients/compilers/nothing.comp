#version 450
layout(local_size_x = 1) in;
layout(constant_id = 0) const uint unused = 0;
void main() {
}
