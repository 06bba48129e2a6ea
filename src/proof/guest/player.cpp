// The guest of the proof: a player without a will of its own. It brings the GPU up, and then does what the serial line
// says, a line at a time, and answers each with a line. ../lines.h has the lines; who writes them decides everything.
#include "gpu.h"
#include "machine.h"

namespace {

constexpr u32 kMostRequest = 32u << 10;  // bytes
constexpr u32 kMostResponse = 4096;
constexpr u32 kCanvas = 1u << 20;
constexpr u32 kMostRounds = 1000;
constexpr u32 kMostRead = 4096;

constexpr u32 kFenced = 1;  // VIRTIO_GPU_FLAG_FENCE, of the flags at byte 4; the fence's number is at byte 8

alignas(4096) u8 canvas[kCanvas];
alignas(64) u8 request[kMostRequest];
alignas(64) u8 response[kMostResponse];
u32 request_size = 0;
gpu::Found device;

void put(const char* text) {
  while (*text != 0) machine::put(*text++);
}
void put_digit(u64 value) { machine::put("0123456789abcdef"[value & 15]); }
void put_number(u64 value) {
  int shift = 60;
  while (shift > 0 && value >> shift == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) put_digit(value >> shift);
}
void put_byte(u8 byte) {
  put_digit(byte >> 4);
  put_digit(byte);
}
void put_bytes(const volatile u8* bytes, u64 size) {
  u8 zeros = 0;
  const auto put_zeros = [&] {
    if (zeros > 1) machine::put('z');
    if (zeros != 0) put_byte(zeros > 1 ? zeros : 0);
    zeros = 0;
  };
  for (u64 i = 0; i < size; ++i) {
    const u8 byte = bytes[i];
    if (byte == 0) {
      if (++zeros == 0xff) put_zeros();
      continue;
    }
    put_zeros();
    put_byte(byte);
  }
  put_zeros();
}

// The line that is being read: its next character, and whether it was not what it should be. After that numbers are 0.
char ahead = 0;
bool broken = false;

int digit() {
  if (ahead >= '0' && ahead <= '9') return ahead - '0';
  if (ahead >= 'a' && ahead <= 'f') return ahead - 'a' + 10;
  return -1;
}
void next() { ahead = machine::get(); }
u64 number() {
  if (ahead != ' ') broken = true;
  if (broken) return 0;
  next();
  u64 value = 0;
  unsigned digits = 0;
  for (; digit() >= 0; next(), ++digits) value = value << 4 | static_cast<u64>(digit());
  if (digits == 0 || digits > 16) broken = true;
  return value;
}
u32 bytes(u8* to, u32 most) {
  if (ahead != ' ') broken = true;
  if (broken) return 0;
  next();
  u32 size = 0;
  while (digit() >= 0 || ahead == 'z') {
    const bool zeros = ahead == 'z';
    if (zeros) next();
    const int high = digit();
    if (high >= 0) next();
    const int low = digit();
    if (low >= 0) next();
    const u32 value = static_cast<u32>(high) << 4 | static_cast<u32>(low);
    const u32 count = zeros ? value : 1;
    if (high < 0 || low < 0 || count > most - size) {
      broken = true;
      return 0;
    }
    for (u32 i = 0; i < count; ++i) to[size++] = zeros ? 0 : static_cast<u8>(value);
  }
  return size;
}
// True: the line has ended where it should.
bool ends() {
  const bool good = !broken && ahead == '\n';
  while (ahead != '\n') next();
  return good;
}

u64 submit(u32& size) {
  const u64 before = machine::ticks();
  size = gpu::submit(request, request_size, response, kMostResponse);
  return machine::ticks() - before;
}

void count_fence() {
  if (request_size >= 16 && (request[4] & kFenced) != 0) ++*reinterpret_cast<u64*>(request + 8);
}

bool in_window(u64 offset, u64 size) {
  const u64 end = device.window_size < gpu::kMostUsedWindow ? device.window_size : gpu::kMostUsedWindow;
  return offset <= end && size <= end - offset;
}

// "submit BYTES": "answer TICKS BYTES"
bool play_submit() {
  request_size = bytes(request, kMostRequest);
  if (!ends() || request_size == 0) return false;
  u32 size = 0;
  const u64 took = submit(size);
  put("answer ");
  put_number(took);
  machine::put(' ');
  put_bytes(response, size < kMostResponse ? size : kMostResponse);
  return true;
}

// "repeat ROUNDS": the last request again, a fence each; "took TICKS...", then the last answer's type
bool play_repeat() {
  static u64 took[kMostRounds];
  const u64 rounds = number();
  if (!ends() || rounds == 0 || rounds > kMostRounds || request_size == 0) return false;
  for (u64 i = 0; i < rounds; ++i) {
    u32 size = 0;
    count_fence();
    took[i] = submit(size);
  }
  put("took");
  for (u64 i = 0; i < rounds; ++i) {
    machine::put(' ');
    put_number(took[i]);
  }
  put(" type ");
  put_number(*reinterpret_cast<u32*>(response));
  return true;
}

// "paint OFFSET STRIDE WIDTH HEIGHT PIXEL": a rectangle in the canvas; "done"
bool play_paint() {
  const u64 offset = number();
  const u64 stride = number();
  const u64 width = number();
  const u64 height = number();
  const u32 pixel = static_cast<u32>(number());
  if (!ends() || (offset | stride) % 4 != 0 || width > 4096 || height > 4096 || stride > 16384 || offset > kCanvas ||
      offset + height * stride + width * 4 > kCanvas)
    return false;
  for (u64 row = 0; row < height; ++row)
    for (u64 column = 0; column < width; ++column)
      reinterpret_cast<u32*>(canvas + offset + row * stride)[column] = pixel;
  put("done");
  return true;
}

// "read OFFSET SIZE": bytes of the window; "bytes BYTES"
bool play_read() {
  const u64 offset = number();
  const u64 size = number();
  if (!ends() || size > kMostRead || !in_window(offset, size)) return false;
  machine::order();
  put("bytes ");
  put_bytes(device.window + offset, size);
  return true;
}

// "hash OFFSET SIZE": of the window's words, FNV-1a over 32 bits each; "hash VALUE"
bool play_hash() {
  const u64 offset = number();
  const u64 size = number();
  if (!ends() || (offset | size) % 4 != 0 || !in_window(offset, size)) return false;
  machine::order();
  u64 value = 0xcbf2'9ce4'8422'2325;
  for (u64 i = 0; i < size; i += 4)
    value = (value ^ *reinterpret_cast<const volatile u32*>(device.window + offset + i)) * 0x100'0000'01b3;
  put("hash ");
  put_number(value);
  return true;
}

// "clock": "clock TICKS"
bool play_clock() {
  if (!ends()) return false;
  put("clock ");
  put_number(machine::ticks());
  return true;
}

bool same(const char* a, const char* b) {
  while (*a != 0 && *a == *b) ++a, ++b;
  return *a == *b;
}

bool play_line() {
  char word[8] = {};
  broken = false;
  unsigned length = 0;
  for (next(); ahead >= 'a' && ahead <= 'z'; next())
    if (length < sizeof(word) - 1) word[length++] = ahead;
  if (same(word, "submit")) return play_submit();
  if (same(word, "repeat")) return play_repeat();
  if (same(word, "paint")) return play_paint();
  if (same(word, "read")) return play_read();
  if (same(word, "hash")) return play_hash();
  if (same(word, "clock")) return play_clock();
  static_cast<void>(ends());
  return false;
}

}  // namespace

// What compilers call by themselves.
extern "C" void* memcpy(void* to, const void* from, unsigned long size) {
  for (unsigned long i = 0; i < size; ++i) {
    static_cast<volatile u8*>(to)[i] = static_cast<const u8*>(from)[i];
  }
  return to;
}
extern "C" void* memset(void* to, int value, unsigned long size) {
  for (unsigned long i = 0; i < size; ++i) static_cast<volatile u8*>(to)[i] = static_cast<u8>(value);
  return to;
}

// Entered once, with a stack. First of all "hesper guest VERSION", then "gpu FEATURES WINDOW CANVAS SIZE" or
// "problem WORD".
extern "C" [[noreturn]] void play() {
  const bool known = machine::start();
  put("hesper guest 1\n");
  if (known) device = gpu::start();
  if (!known || device.problem != nullptr) {
    put("problem ");
    put(known ? device.problem : "unknown-machine");
    put("\n");
    for (;;) machine::relax();
  }
  put("gpu ");
  put_number(device.features);
  machine::put(' ');
  put_number(device.window_size);
  machine::put(' ');
  put_number(reinterpret_cast<u64>(canvas));
  machine::put(' ');
  put_number(kCanvas);
  machine::put('\n');
  for (;;) {
    if (!play_line()) put("refused");
    machine::put('\n');
  }
}
