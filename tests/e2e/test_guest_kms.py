# What else than our own device and programs says about the screen: libdrm's KMS tests in a guest, which must get on with
# hesper gpu as they do with QEMU's own virtio-gpu-pci, and QEMU's own front-end vhost-user-gpu-pci, whose screen must be
# ours.
import re

from desktop import Sway
from guest import Gpu, KmsMachine, Picture, QemuGpuMachine, VhostUserGpuMachine
from support import TestCase, tools_present, wait_until

SIZE = "1024x768"

# Run in each guest. {connector} and {crtc} are of its first screen, {plane} of that one's primary plane.
COMMANDS = (
    "modetest -M virtio_gpu -e",
    "modetest -M virtio_gpu -c",
    "modetest -M virtio_gpu -p",
    "modetest -M virtio_gpu -f",
    f"modetest -M virtio_gpu -s {{connector}}@{{crtc}}:{SIZE}@XR24",
    f"modetest -M virtio_gpu -s {{connector}}@{{crtc}}:{SIZE}@AR24",
    f"modetest -M virtio_gpu -s {{connector}}@{{crtc}}:{SIZE}@RG16",
    f"modetest -M virtio_gpu -s {{connector}}@{{crtc}}:{SIZE}@XB24",
    f"modetest -M virtio_gpu -s {{connector}}@{{crtc}}:{SIZE}@NV12",
    "modetest -M virtio_gpu -s {connector}@{crtc}:5000x5000@XR24",
    f"modetest -M virtio_gpu -a -s {{connector}}@{{crtc}}:{SIZE} -P {{plane}}@{{crtc}}:{SIZE}@XR24",
    f"timeout -s INT 3 modetest -M virtio_gpu -v -s {{connector}}@{{crtc}}:{SIZE}@XR24",  # flips pages
    f"timeout -s INT 3 modetest -M virtio_gpu -C -s {{connector}}@{{crtc}}:{SIZE}@XR24",  # moves a cursor
    "timeout -s INT 3 vbltest -M virtio_gpu",
    "modeprint virtio_gpu",
    "proptest -M virtio_gpu",
    "proptest -M virtio_gpu {connector} connector 2 0",  # DPMS
    "drmdevice",
)


class Kms(TestCase):
    def setUp(self):
        super().setUp()
        tools_present("pngtopnm")

    def outcomes(self, machine):
        """The status of each command, and a picture of what libdrm draws."""
        listed = machine.run("modetest -M virtio_gpu -c -p 2>/dev/null")
        numbers = {
            "connector": re.search(r"^(\d+)\t\d+\tconnected", listed, re.M)[1],
            "crtc": re.search(r"CRTCs:\n.*\n(\d+)\t", listed)[1],
            "plane": re.search(r"Planes:\n.*\n(\d+)\t", listed)[1],
        }
        statuses = {}
        for command in COMMANDS:
            output = machine.run(f"{command.format(**numbers)} </dev/null >/tmp/out 2>&1; echo $?; cat /tmp/out")
            status, _, text = output.partition("\n")
            # modetest says of many failures no more than this.
            statuses[command] = (status, re.findall(r"failed to .*|Invalid argument|No space left.*", text))
        machine.run(
            f"(sleep 60 | modetest -M virtio_gpu -s {numbers['connector']}@{numbers['crtc']}:{SIZE}@XR24 -F smpte"
            " >/dev/null 2>&1) & sleep 3"
        )
        return statuses

    def test_libdrm_gets_on_as_with_qemus_device(self):
        gpu = self.start(Gpu, self.scratch, "--mode", SIZE)
        machine = self.start(KmsMachine, self.scratch, gpu)
        machine.boot()
        ours = self.outcomes(machine)
        our_picture = gpu.screenshot()
        machine.close()

        machine = self.start(QemuGpuMachine, self.scratch, None)
        machine.boot()
        theirs = self.outcomes(machine)
        their_picture = Picture(machine.screendump())
        self.assertEqual(ours, theirs)
        self.assertGreater(sum(status == "0" for status, _ in ours.values()), 8, ours)
        self.assertEqual((our_picture.width, our_picture.height), tuple(map(int, SIZE.split("x"))))
        self.assertEqual(our_picture.bytes, their_picture.bytes, "libdrm's test picture differs.")
        self.assertGreater(len(set(our_picture.pixel(x, 100) for x in range(0, 1024, 8))), 5, "It has no colours.")
        for word in ("warning:", "error:"):
            self.assertNotIn(word, gpu.log())


class QemuScreen(TestCase):
    def test_qemus_own_front_end_shows_our_screen(self):
        tools_present("pngtopnm")
        gpu = self.start(Gpu, self.scratch, "--mode", SIZE)
        machine = self.start(VhostUserGpuMachine, self.scratch, gpu)
        machine.boot()
        machine.run("kms show 0 0 0 0 >/dev/null & sleep 2")

        def same():
            ours, theirs = gpu.screenshot(), Picture(machine.screendump())
            return ours is not None and ours.pixel(5, 5) == (5, 5, 0x40) and ours.bytes == theirs.bytes

        wait_until(same, 20, "QEMU's screen is not what hesper screenshot shows.")
        machine.qmp("system_reset")  # QEMU hands over another socket
        machine.boot()
        machine.run("kms show 0 0 0 0 >/dev/null & sleep 2")
        wait_until(same, 20, "After a reboot QEMU's screen is another.")

    def test_qemus_own_window_shows_our_screen(self):
        """By OpenGL, on Wayland: where llvmpipe has what QEMU demands."""
        tools_present(*Sway.TOOLS, "pngtopnm")
        desktop = self.start(Sway, self.scratch)
        gpu = self.start(Gpu, self.scratch, "--mode", "800x600")
        machine = self.start(
            VhostUserGpuMachine, self.scratch, gpu, ["-display", "gtk,gl=on,show-menubar=off"],
            WAYLAND_DISPLAY=desktop.environment()["WAYLAND_DISPLAY"], GDK_BACKEND="wayland",
        )  # fmt: skip
        machine.boot()
        machine.run("kms show 0 0 0 0 >/dev/null & sleep 2")
        shown = "no window"

        def same():
            nonlocal shown
            ours, windows = gpu.screenshot(), desktop.windows("QEMU")
            if ours is None or ours.pixel(5, 5) != (5, 5, 0x40) or not windows:
                return False
            if desktop.geometry(windows[0])[2:] != (ours.width, ours.height):
                desktop.place(windows[0], 0, 0, ours.width, ours.height)  # else QEMU scales
            shown = desktop.picture(windows[0])
            return shown == (ours.width, ours.height, ours.bytes)

        try:
            wait_until(same, 60, "QEMU's window does not show what hesper screenshot does")
        except AssertionError as error:
            raise AssertionError(f"{error}: {shown[:2]}") from None
