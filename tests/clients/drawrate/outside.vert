// A triangle outside of the picture: costs the rasterizer nothing, so that the commands themselves are measured.
#version 450
void main() { gl_Position = vec4(2.0, 2.0, 0.0, 1.0); }
