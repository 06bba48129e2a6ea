// kms: a static program for test guests, without a library beside the kernel's own interface to its screens (KMS).
//
//   kms modes            a line a connector: "0 connected 1280x800 60", or "0 disconnected"
//   kms cursor           what cursor another program has set on the first screen: "X Y WIDTH HEIGHT", a part of its
//   image
//                        outside of which it is transparent, where it is on the screen, and its pixels, a row a line;
//                        or "none"
//   kms show X Y HX HY   a picture that depends on its size alone, and a cursor with its hot spot at X, Y; until
//   SIGTERM
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "card.h"

namespace hesper::guest {
namespace {

int print_modes() {
  const Card card = open_card();
  for (std::size_t i = 0; i < card.connectors.size(); ++i) {
    const auto modes = modes_of(card, i);
    if (modes.empty())
      std::printf("%zu disconnected\n", i);
    else
      std::printf("%zu connected %ux%u %u\n", i, modes[0].hdisplay, modes[0].vdisplay, modes[0].vrefresh);
  }
  return 0;
}

struct Buffer {
  std::uint32_t handle, pitch;
  std::uint32_t* pixels;
};

Buffer make_buffer(const Card& card, std::uint32_t width, std::uint32_t height) {
  drm_mode_create_dumb dumb{};
  dumb.width = width;
  dumb.height = height;
  dumb.bpp = 32;
  check(::ioctl(card.fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb) == 0, "CREATE_DUMB");
  drm_mode_map_dumb map{};
  map.handle = dumb.handle;
  check(::ioctl(card.fd, DRM_IOCTL_MODE_MAP_DUMB, &map) == 0, "MAP_DUMB");
  void* at = ::mmap(nullptr, dumb.size, PROT_READ | PROT_WRITE, MAP_SHARED, card.fd, static_cast<off_t>(map.offset));
  check(at != MAP_FAILED, "mmap");
  return {.handle = dumb.handle, .pitch = dumb.pitch / 4, .pixels = static_cast<std::uint32_t*>(at)};
}

int show(int x, int y, int hot_x, int hot_y) {
  const Card card = open_card();
  for (std::size_t i = 0; i < card.connectors.size() && i < card.crtcs.size(); ++i) {
    const auto modes = modes_of(card, i);
    if (modes.empty()) continue;
    const drm_mode_modeinfo& mode = modes[0];
    const Buffer buffer = make_buffer(card, mode.hdisplay, mode.vdisplay);
    // Red grows to the right, green downwards, blue tells the screen.
    for (std::uint32_t row = 0; row < mode.vdisplay; ++row)
      for (std::uint32_t column = 0; column < mode.hdisplay; ++column)
        buffer.pixels[row * buffer.pitch + column] =
            (column % 256) << 16 | (row % 256) << 8 | (0x40 + 0x40 * static_cast<std::uint32_t>(i));
    show_frame(card, i, mode, add_frame(card, buffer.handle, mode.hdisplay, mode.vdisplay, buffer.pitch * 4));
  }
  // A white square with a black one in its middle, in a cursor that is transparent otherwise.
  const Buffer image = make_buffer(card, 64, 64);
  for (std::uint32_t row = 0; row < 64; ++row)
    for (std::uint32_t column = 0; column < 64; ++column) {
      const auto within = [&](std::uint32_t from, std::uint32_t to) {
        return row >= from && row < to && column >= from && column < to;
      };
      image.pixels[row * image.pitch + column] = within(12, 20) ? 0xff000000 : within(8, 24) ? 0xffffffff : 0;
    }
  drm_mode_cursor2 cursor{};
  cursor.flags = DRM_MODE_CURSOR_BO | DRM_MODE_CURSOR_MOVE;
  cursor.crtc_id = card.crtcs[0];
  cursor.x = x;
  cursor.y = y;
  cursor.width = 64;
  cursor.height = 64;
  cursor.handle = image.handle;
  cursor.hot_x = hot_x;
  cursor.hot_y = hot_y;
  check(::ioctl(card.fd, DRM_IOCTL_MODE_CURSOR2, &cursor) == 0, "CURSOR2");
  std::puts("shown");
  std::fflush(stdout);
  for (;;) ::pause();
}

// A plane's properties by name; with the right client capabilities, cursors are planes, and their place is a property.
std::uint64_t property(const Card& card, std::uint32_t plane, std::string_view name) {
  std::array<std::uint32_t, 64> ids{};
  std::array<std::uint64_t, 64> values{};
  drm_mode_obj_get_properties all{};
  all.obj_id = plane;
  all.obj_type = DRM_MODE_OBJECT_PLANE;
  all.props_ptr = pointer(ids.data());
  all.prop_values_ptr = pointer(values.data());
  all.count_props = ids.size();
  check(::ioctl(card.fd, DRM_IOCTL_MODE_OBJ_GETPROPERTIES, &all) == 0, "OBJ_GETPROPERTIES");
  for (std::size_t i = 0; i < all.count_props; ++i) {
    drm_mode_get_property one{};
    one.prop_id = ids.at(i);
    check(::ioctl(card.fd, DRM_IOCTL_MODE_GETPROPERTY, &one) == 0, "GETPROPERTY");
    if (name == one.name) return values.at(i);
  }
  errno = ENOENT;
  check(false, "A plane lacks a property.");
  return 0;
}

int print_cursor() {
  const Card card = open_card();
  // Without the last one the kernel hides the cursors of virtual machines from clients like this.
  for (const int capability :
       {DRM_CLIENT_CAP_UNIVERSAL_PLANES, DRM_CLIENT_CAP_ATOMIC, DRM_CLIENT_CAP_CURSOR_PLANE_HOTSPOT}) {
    drm_set_client_cap cap{.capability = static_cast<__u64>(capability), .value = 1};
    check(::ioctl(card.fd, DRM_IOCTL_SET_CLIENT_CAP, &cap) == 0, "SET_CLIENT_CAP");
  }
  std::array<std::uint32_t, 64> planes{};
  drm_mode_get_plane_res resources{};
  resources.plane_id_ptr = pointer(planes.data());
  resources.count_planes = planes.size();
  check(::ioctl(card.fd, DRM_IOCTL_MODE_GETPLANERESOURCES, &resources) == 0, "GETPLANERESOURCES");
  for (std::size_t i = 0; i < resources.count_planes; ++i) {
    constexpr std::uint64_t kCursor = 2;  // DRM_PLANE_TYPE_CURSOR, which the kernel's headers keep to themselves
    drm_mode_get_plane plane{};
    plane.plane_id = planes.at(i);
    check(::ioctl(card.fd, DRM_IOCTL_MODE_GETPLANE, &plane) == 0, "GETPLANE");
    if (plane.crtc_id != card.crtcs[0] || property(card, plane.plane_id, "type") != kCursor) continue;
    drm_mode_fb_cmd2 frame{};
    frame.fb_id = plane.fb_id;
    check(::ioctl(card.fd, DRM_IOCTL_MODE_GETFB2, &frame) == 0, "GETFB2");
    drm_mode_map_dumb map{};
    map.handle = frame.handles[0];
    check(::ioctl(card.fd, DRM_IOCTL_MODE_MAP_DUMB, &map) == 0, "MAP_DUMB");
    const std::size_t size = std::size_t{frame.pitches[0]} * frame.height;
    const void* at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, card.fd, static_cast<off_t>(map.offset));
    check(at != MAP_FAILED, "mmap");
    const auto* const pixels = static_cast<const std::uint32_t*>(at);
    std::uint32_t left = frame.width, top = frame.height, right = 0, bottom = 0;
    for (std::uint32_t y = 0; y < frame.height; ++y)
      for (std::uint32_t x = 0; x < frame.width; ++x)
        if (pixels[y * frame.pitches[0] / 4 + x] != 0) {
          left = std::min(left, x);
          top = std::min(top, y);
          right = std::max(right, x + 1);
          bottom = std::max(bottom, y + 1);
        }
    if (right == 0) break;  // an empty image
    // 64 bits that hold a signed number.
    const auto place = [&](const char* name) { return static_cast<long>(property(card, plane.plane_id, name)); };
    std::printf("%ld %ld %u %u\n", place("CRTC_X") + left, place("CRTC_Y") + top, right - left, bottom - top);
    for (std::uint32_t y = top; y < bottom; ++y, std::puts(""))
      for (std::uint32_t x = left; x < right; ++x) std::printf("%08x", pixels[y * frame.pitches[0] / 4 + x]);
    return 0;
  }
  std::puts("none");
  return 0;
}

}  // namespace
}  // namespace hesper::guest

int main(int argc, char** argv) {
  using namespace hesper::guest;
  if (argc == 2 && std::string_view(argv[1]) == "modes") return print_modes();
  if (argc == 2 && std::string_view(argv[1]) == "cursor") return print_cursor();
  if (argc == 6 && std::string_view(argv[1]) == "show")
    return show(std::atoi(argv[2]), std::atoi(argv[3]), std::atoi(argv[4]), std::atoi(argv[5]));
  std::fputs("Usage: kms modes | kms cursor | kms show X Y HOT_X HOT_Y\n", stderr);
  return 2;
}
