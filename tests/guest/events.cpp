// events: the guest's input devices by the kernel's own interface (evdev), for tests. Without arguments: prints a line
// for each event, until it is ended. `events describe`: what each device says of itself. `events led CODE VALUE`:
// lights up or puts out on all that have it.
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "card.h"

namespace {

using hesper::guest::check;

struct Device {
  int fd;
  std::string name;
};

std::vector<Device> open_devices() {
  std::vector<Device> devices;
  for (int number = 0; number < 32; ++number) {
    const std::string path = "/dev/input/event" + std::to_string(number);
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) continue;
    std::array<char, 256> name{};
    check(::ioctl(fd, EVIOCGNAME(name.size() - 1), name.data()) >= 0, "EVIOCGNAME");
    if (std::string_view(name.data()).starts_with("Hesper")) devices.push_back({.fd = fd, .name = name.data()});
  }
  return devices;
}

using Bits = std::array<std::uint8_t, KEY_CNT / 8>;

void print_bits(const char* what, const Bits& bits) {
  std::printf("  %s", what);
  for (int bit = 0; bit < KEY_CNT; ++bit)
    if ((bits[static_cast<std::size_t>(bit) / 8] >> (bit % 8) & 1) != 0) std::printf(" %d", bit);
  std::printf("\n");
}

void describe(const Device& device) {
  std::array<char, 256> unique{};
  input_id id{};
  check(::ioctl(device.fd, EVIOCGUNIQ(unique.size() - 1), unique.data()) >= 0, "EVIOCGUNIQ");
  check(::ioctl(device.fd, EVIOCGID, &id) >= 0, "EVIOCGID");
  std::printf("%s\n  serial %s\n  id %04x:%04x:%04x:%04x\n", device.name.c_str(), unique.data(), id.bustype, id.vendor,
              id.product, id.version);
  Bits bits{};
  check(::ioctl(device.fd, EVIOCGPROP(bits.size()), bits.data()) >= 0, "EVIOCGPROP");
  print_bits("properties", bits);
  struct Type {
    unsigned number;
    const char* name;
  };
  constexpr std::array<Type, 4> kTypes = {
      Type{EV_KEY, "keys"}, {EV_REL, "steps"}, {EV_ABS, "positions"}, {EV_LED, "leds"}};
  for (const Type& type : kTypes) {
    bits = {};
    check(::ioctl(device.fd, EVIOCGBIT(type.number, bits.size()), bits.data()) >= 0, "EVIOCGBIT");
    print_bits(type.name, bits);
    for (unsigned axis = 0; type.number == EV_ABS && axis < ABS_CNT; ++axis) {
      if ((bits[axis / 8] >> (axis % 8) & 1) == 0) continue;
      input_absinfo range{};
      check(::ioctl(device.fd, EVIOCGABS(axis), &range) >= 0, "EVIOCGABS");
      std::printf("  range %u: %d to %d\n", axis, range.minimum, range.maximum);
    }
  }
}

void print_down(const Device& device) {
  Bits bits{};
  check(::ioctl(device.fd, EVIOCGKEY(bits.size()), bits.data()) >= 0, "EVIOCGKEY");
  std::printf("%s", device.name.c_str());
  print_bits("down", bits);
}

[[noreturn]] void print_events(const std::vector<Device>& devices) {
  std::vector<pollfd> waiting;
  for (const Device& device : devices) waiting.push_back({.fd = device.fd, .events = POLLIN, .revents = 0});
  std::printf("watching %zu devices\n", devices.size());
  for (;;) {
    std::fflush(stdout);
    check(::poll(waiting.data(), waiting.size(), -1) >= 0, "poll");
    for (std::size_t i = 0; i < devices.size(); ++i) {
      if ((waiting[i].revents & POLLIN) == 0) continue;
      std::array<input_event, 64> events{};
      const ssize_t size = ::read(devices[i].fd, events.data(), sizeof(events));
      check(size > 0, "read");
      for (std::size_t k = 0; k < static_cast<std::size_t>(size) / sizeof(input_event); ++k)
        std::printf("%s: %d %d %d\n", devices[i].name.c_str(), events[k].type, events[k].code, events[k].value);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<Device> devices = open_devices();
  check(!devices.empty(), "no input device of Hesper's");
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what.empty()) print_events(devices);
  for (const Device& device : devices) {
    if (what == "describe") describe(device);
    if (what == "down") print_down(device);
  }
}
