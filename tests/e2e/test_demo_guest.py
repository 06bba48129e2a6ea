# The demo guest under TCG: console, then a Wayland compositor with programs on its screen, seen from the host.
import re

from demo_guest import ArmGuest, DemoGuest
from guest import Gpu
from support import TestCase, tools_present, wait_until


def setUpModule():
    tools_present("pngtopnm")


DESKTOP = (0x28, 0x34, 0x3C)  # as guest/root/etc/xdg/labwc/autostart has it


def near(pixel, colour):
    """The compositor may scale a colour up to a background, which costs exactness."""
    return all(abs(a - b) <= 4 for a, b in zip(pixel, colour, strict=True))


def find_row(picture, colours):
    """Where a row of pixels with these colours is: (x, y), or None. The first one from above."""
    row = b"".join(map(bytes, colours))
    at = picture.bytes.find(row)
    while at >= 0 and at % 3 != 0:
        at = picture.bytes.find(row, at + 1)
    return None if at < 0 else (at // 3 % picture.width, at // 3 // picture.width)


class Frame:
    """What tests/clients/swapchain says of its last frame."""

    def __init__(self, said):
        numbers = list(map(int, re.findall(r"\d+", said)))
        self.number, self.width, self.height = numbers[:3]
        self._background, self._side, self._square = tuple(numbers[3:6]), numbers[6], tuple(numbers[7:9])
        self._colour = tuple(numbers[9:12])

    def row(self, y):
        row = [self._background] * self.width
        left, top = self._square
        if top <= y < top + self._side:
            row[left : left + self._side] = [self._colour] * self._side
        return row

    def shown_by(self, picture):
        """Whether all of it is in the picture."""
        at = find_row(picture, self.row(0))
        if at is None:
            return False
        for y in range(self.height):
            start = ((at[1] + y) * picture.width + at[0]) * 3
            if picture.bytes[start : start + self.width * 3] != b"".join(map(bytes, self.row(y))):
                return False
        return True


class Guest(TestCase):
    """A demo guest whose desktop is on the screen. options: of hesper gpu; guest: of tools/guest."""

    machine_kind = DemoGuest
    options = ()
    guest = ()

    def setUp(self):
        super().setUp()
        self.gpu = self.start(Gpu, self.scratch, *self.options)
        self.machine = self.start(self.machine_kind, self.scratch, self.gpu, self.guest)
        self.machine.boot()
        self.machine.wait_for_desktop()
        wait_until(self.desktop_is_shown, 180, "The desktop is not on the screen.")

    def desktop_is_shown(self):
        picture = self.gpu.screenshot()
        return picture is not None and near(picture.pixel(picture.width // 2, picture.height // 2), DESKTOP)

    def present(self):
        """300 frames, of which the last one is on the screen."""
        said = self.machine.start_program("/mnt/swapchain --surface wayland --frames 300 --hold", "^frame ", 200)
        frame = Frame(said)
        self.assertEqual(frame.number, 299)
        wait_until(lambda: frame.shown_by(self.gpu.screenshot()), 20, f"The screen does not show {said}")

    def point(self, x, y):
        """Moves the mouse pointer to a pixel."""
        moved = self.gpu.command("input", "-e", f"move {x} {y}")
        self.assertEqual(moved.status, 0, moved)

    def cursor_is_right(self, x, y):
        first, *rows = self.machine.run("/mnt/kms cursor").strip().split("\n")
        if first == "none":
            return False
        left, top, width, height = map(int, first.split())
        if not (abs(left - x) < 24 and abs(top - y) < 24):
            return False
        without, with_cursor = self.gpu.screenshot(), self.gpu.screenshot(cursor=True)
        for row in range(height):
            for column in range(width):
                pixel = int(rows[row][column * 8 : column * 8 + 8], 16)
                alpha = pixel >> 24
                below = without.pixel(left + column, top + row)
                # Cursors are premultiplied.
                own = [pixel >> shift & 255 for shift in (16, 8, 0)]
                want = [colour + under * (255 - alpha) // 255 for colour, under in zip(own, below, strict=True)]
                if not near(with_cursor.pixel(left + column, top + row), want):
                    return False
        # And nothing beside it.
        return all(
            with_cursor.pixel(left + dx, top + dy) == without.pixel(left + dx, top + dy)
            for dx, dy in ((-1, 0), (0, -1), (width, 0), (0, height))
        )


class Software(Guest):
    """No contexts: compositor and programs draw with the guest's processor."""

    options = ("--window", "0")

    def test_programs_and_cursor(self):
        self.present()
        for x, y in ((700, 500), (1000, 100)):
            self.point(x, y)
            wait_until(lambda: self.cursor_is_right(x, y), 20, f"The cursor is not as the guest says at {x}, {y}.")


class Venus(Guest):
    """Compositor and programs on the host's driver, with the guest's stock Mesa."""

    def test_programs_and_cursor(self):
        with self.subTest("vulkaninfo"):
            summary = self.machine.run("vulkaninfo --summary", 120)
            self.assertRegex(summary, r"driverName *= venus")
            self.assertRegex(summary, r"deviceName *= Virtio-GPU Venus \(llvmpipe")

        with self.subTest("a Vulkan program and, beside it, an OpenGL program"):
            self.present()
            said = self.machine.run("glmark2-es2-wayland --validate --size 200x150 -b build -b texture", 200)
            self.assertRegex(said, r"GL_RENDERER: +zink Vulkan 1\.\d\(Virtio-GPU Venus")
            self.assertEqual(said.count("Validation: Success"), 2, said)
            self.machine.end_program("swapchain")

        with self.subTest("cursor"):
            for x, y in ((700, 500), (1000, 100)):
                self.point(x, y)
                wait_until(lambda: self.cursor_is_right(x, y), 20, f"The cursor is not as the guest says at {x}, {y}.")
        for word in ("warning:", "error:", "SIGSYS"):
            self.assertNotIn(word, self.gpu.log())


class Arm64(Guest):
    """An arm64 guest whose kernel has pages of 16 KiB."""

    machine_kind = ArmGuest
    guest = ("--arch", "arm64", "--kernel", "linux-image-arm64-16k")

    def cube_is_shown(self):
        picture = self.gpu.screenshot()
        # The cube's own grey around it, in a window of 500 by 500.
        return sum(picture.pixel(x, 300) == (51, 51, 51) for x in range(picture.width)) > 100

    def test_desktop(self):
        self.assertEqual(self.machine.run("uname -m; getconf PAGESIZE").split(), ["aarch64", "16384"])
        self.assertRegex(self.machine.run("vulkaninfo --summary", 120), r"driverName *= venus")
        self.assertFalse(self.cube_is_shown())
        self.machine.start_program("vkcube --wsi wayland", "^Selected GPU")
        wait_until(self.cube_is_shown, 180, "The cube is not on the screen.")
