// What runs beside virtual machines.
#include "host/services.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/described.h"

namespace hesper::host {
namespace {

Services look(std::string_view text, const char* command_line = "") {
  OperatingSystem os;
  os.command_line.value = command_line;
  return look_at_services(*test::described(text), os);
}

TEST(Services, DisplaysAreToldByTheSessionOrBySockets) {
  EXPECT_TRUE(look("@ variable WAYLAND_DISPLAY wayland-0\n@ variable DISPLAY :0\n").display.is("wayland"));
  EXPECT_TRUE(look("@ variable DISPLAY :0\n").display.is("x11"));
  EXPECT_TRUE(look("@ variable XDG_SESSION_TYPE tty\n@ folder /tmp/.X11-unix\nX0\n").display.is("x11"));
  EXPECT_TRUE(look("@ variable XDG_SESSION_TYPE tty\n").display.is(""));
}

TEST(Services, WaysInAreFound) {
  constexpr std::string_view kCommand =
      "@ folder /run/systemd/system\n@ command 3 systemctl is-active ssh.service sshd.service ssh.socket sshd.socket\n";
  EXPECT_TRUE(look(std::string(kCommand) + "inactive\ninactive\nactive\ninactive\n").ssh_server.is(true));
  EXPECT_TRUE(look(std::string(kCommand) + "inactive\n").ssh_server.is(false));
  EXPECT_TRUE(look("@ file /run/sshd.pid\n1\n").ssh_server.is(true));
  EXPECT_TRUE(look("").ssh_server.is(false));
  EXPECT_TRUE(look("", "quiet console=ttyS0,115200").serial_console.is(true));
  EXPECT_TRUE(look("", "quiet console=tty0").serial_console.is(false));
}

TEST(Services, UserNamespacesAreTried) {
  EXPECT_TRUE(look("@ command 0 unshare --user --map-root-user true\n").user_namespaces.is(true));
  const auto refused =
      look("@ command 1 unshare --user --map-root-user true\n@ errors\nunshare: Operation not permitted\n");
  EXPECT_TRUE(refused.user_namespaces.is(false));
  EXPECT_EQ(refused.user_namespaces.why, "unshare: Operation not permitted");
  EXPECT_TRUE(look("@ file /proc/sys/user/max_user_namespaces\n0\n").user_namespaces.is(false));
  EXPECT_FALSE(look("").user_namespaces.known());
}

TEST(Services, LibvirtHasAVersionAndASocket) {
  const auto there =
      look("@ command 0 virsh --version\n11.3.0\n@ file /run/libvirt/libvirt-sock socket 0666 root:root\n");
  EXPECT_TRUE(there.libvirt.is("11.3.0"));
  EXPECT_TRUE(there.libvirt_runs.is(true));
  EXPECT_TRUE(look("").libvirt.is(""));
  EXPECT_FALSE(look("@ command 1 virsh --version\n").libvirt.known());
}

TEST(Encoders, AreAsHesperViewTellsThem) {
  const auto encoders = parse_encoders(
      R"({"version":1,"encoders":[{"name":"libx264","codec":"h264","hardware":false,"works":true},3,{"name":7}]})");
  ASSERT_TRUE(encoders);
  ASSERT_EQ(encoders->size(), 2u);
  EXPECT_EQ((*encoders)[0].name, "libx264");
  EXPECT_TRUE((*encoders)[0].works);
  EXPECT_FALSE((*encoders)[1].works);
  for (const char* text : {"", "{}", "[]", "{\"encoders\": {}}"}) EXPECT_FALSE(parse_encoders(text)) << text;
}

}  // namespace
}  // namespace hesper::host
