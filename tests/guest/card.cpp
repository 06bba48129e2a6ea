// Card: ioctls.
#include "card.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <cstdio>
#include <cstdlib>

namespace hesper::guest {

void check(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  std::exit(1);
}

std::uint64_t pointer(const void* at) { return reinterpret_cast<std::uintptr_t>(at); }

Card open_card() {
  Card card{.fd = ::open("/dev/dri/card0", O_RDWR | O_CLOEXEC), .crtcs = {}, .connectors = {}};
  check(card.fd >= 0, "/dev/dri/card0");
  drm_mode_card_res resources{};
  check(::ioctl(card.fd, DRM_IOCTL_MODE_GETRESOURCES, &resources) == 0, "GETRESOURCES");
  card.crtcs.resize(resources.count_crtcs);
  card.connectors.resize(resources.count_connectors);
  resources = {};
  resources.crtc_id_ptr = pointer(card.crtcs.data());
  resources.count_crtcs = static_cast<std::uint32_t>(card.crtcs.size());
  resources.connector_id_ptr = pointer(card.connectors.data());
  resources.count_connectors = static_cast<std::uint32_t>(card.connectors.size());
  check(::ioctl(card.fd, DRM_IOCTL_MODE_GETRESOURCES, &resources) == 0, "GETRESOURCES");
  return card;
}

std::vector<drm_mode_modeinfo> modes_of(const Card& card, std::size_t index) {
  drm_mode_get_connector connector{};
  connector.connector_id = card.connectors[index];
  check(::ioctl(card.fd, DRM_IOCTL_MODE_GETCONNECTOR, &connector) == 0, "GETCONNECTOR");
  std::vector<drm_mode_modeinfo> modes(connector.count_modes);
  drm_mode_get_connector again{};
  again.connector_id = connector.connector_id;
  again.count_modes = connector.count_modes;
  again.modes_ptr = pointer(modes.data());
  check(::ioctl(card.fd, DRM_IOCTL_MODE_GETCONNECTOR, &again) == 0, "GETCONNECTOR");
  modes.resize(again.connection == 1 ? again.count_modes : 0);
  return modes;
}

std::uint32_t add_frame(const Card& card, std::uint32_t handle, std::uint32_t width, std::uint32_t height,
                        std::uint32_t pitch) {
  drm_mode_fb_cmd frame{};
  frame.width = width;
  frame.height = height;
  frame.pitch = pitch;
  frame.bpp = 32;
  frame.depth = 24;
  frame.handle = handle;
  check(::ioctl(card.fd, DRM_IOCTL_MODE_ADDFB, &frame) == 0, "ADDFB");
  return frame.fb_id;
}

void show_frame(const Card& card, std::size_t index, const drm_mode_modeinfo& mode, std::uint32_t frame) {
  std::uint32_t connector = card.connectors[index];
  drm_mode_crtc crtc{};
  crtc.crtc_id = card.crtcs[index];
  crtc.fb_id = frame;
  crtc.set_connectors_ptr = pointer(&connector);
  crtc.count_connectors = 1;
  crtc.mode = mode;
  crtc.mode_valid = 1;
  check(::ioctl(card.fd, DRM_IOCTL_MODE_SETCRTC, &crtc) == 0, "SETCRTC");
}

}  // namespace hesper::guest
