# hesper view --window at the synthetic source, under Xvfb: the windows' pixels are the guest's, by both renderers, and
# what is done in them arrives in the guest.
import subprocess
import time

from desktop import Desktop, background
from support import HESPER, NATIVE_ICD, TestCase, end_group, run, tools_present, wait_until
from synthetic import Synthetic, View

EV_KEY, EV_REL, EV_ABS = 1, 2, 3


def setUpModule():
    tools_present("Xvfb", "xdotool", "xwd", "xlogo")


class WindowView(View):
    """hesper view on a desktop."""

    def __init__(self, scratch, desktop, socket, *options):
        class OnDesktop:
            path = scratch.path

            @staticmethod
            def environment():
                return desktop.environment(VK_DRIVER_FILES=str(NATIVE_ICD))

        super().__init__(OnDesktop, socket, "--window", *options)


class Base(TestCase):
    def open(self, source, *options, desktop="1000x800"):
        self.source = self.start(Synthetic, self.scratch, *source)
        self.desktop = self.start(Desktop, self.scratch, desktop)
        self.view = self.start(WindowView, self.scratch, self.desktop, self.source.socket, *options)

    def wait_for_picture(self, window, want, size):
        def same():
            width, height, pixels = self.desktop.picture(window)
            return (width, height) == size and pixels == want

        wait_until(same, 20, f"The window does not show the guest's picture: {self.view.log()}")

    def focus(self, window):
        self.desktop.do("windowfocus", "--sync", window)

    def events(self, *devices):
        return [event for event in self.source.events() if event[0] in devices]

    def wait_for_events(self, wanted, *devices):
        wait_until(lambda: all(event in self.events(*devices) for event in wanted), 20,
                   f"Not all of {wanted} arrive: {self.source.events()}")  # fmt: skip


class Pictures:
    renderer = None

    def show(self, source, *options, **more):
        self.open(source, "--window-renderer", self.renderer, *options, **more)

    def test_still(self):
        self.show(("--content", "still", "--mode", "640x480"))
        window = self.desktop.wait_for_windows("Hesper")[0]
        self.wait_for_picture(window, background(640, 480), (640, 480))
        with self.subTest("another mode"):
            self.source.order("mode 0 500x300")
            self.wait_for_picture(window, background(500, 300), (500, 300))
        with self.subTest("twice as large"):
            self.desktop.do("windowmove", window, 0, 0, "windowsize", window, 1000, 600)
            small = background(500, 300)
            rows = [
                b"".join(small[at : at + 3] * 2 for at in range(1500 * y, 1500 * (y + 1), 3)) for y in range(300)
            ]
            self.wait_for_picture(window, b"".join(row * 2 for row in rows), (1000, 600))
        with self.subTest("pixel by pixel"):
            self.focus(window)
            self.desktop.do("key", "ctrl+alt+s", "ctrl+alt+s")  # fit, integer, original
            lines = [bytes(3000)] * 150
            for y in range(300):
                lines.append(bytes(750) + small[1500 * y : 1500 * (y + 1)] + bytes(750))
            self.wait_for_picture(window, b"".join(lines + [bytes(3000)] * 150), (1000, 600))
        with self.subTest("nothing"):
            self.source.order("blank 0")
            self.wait_for_picture(window, bytes(3000 * 600), (1000, 600))

    def test_only_what_changes_is_drawn_and_all_of_it_arrives(self):
        self.show(("--content", "counter", "--mode", "640x480", "--rate", "0"))
        window = self.desktop.wait_for_windows("Hesper")[0]
        for number in (1, 2, 3):
            self.source.order("frame")
            want = bytearray(background(640, 480))
            for bit in range(32):
                colour = b"\xff" * 48 if number >> bit & 1 else bytes(48)
                for y in range(bit // 8 * 16, bit // 8 * 16 + 16):
                    at = 3 * (640 * y + bit % 8 * 16)
                    want[at : at + 48] = colour
            self.wait_for_picture(window, bytes(want), (640, 480))

    def test_two_displays(self):
        self.show(("--content", "still", "--mode", "400x300", "--mode", "300x200"))
        self.desktop.wait_for_windows("Hesper", 2)
        second = self.desktop.wait_for_windows("display 1")[0]
        first = next(window for window in self.desktop.windows("Hesper") if window != second)
        self.wait_for_picture(second, background(300, 200), (300, 200))
        self.desktop.do("windowraise", first)
        self.wait_for_picture(first, background(400, 300), (400, 300))
        # One that is removed takes its window with it; the other goes on.
        self.source.order("mode 1 off")
        self.desktop.wait_for_windows("Hesper", 1)
        self.source.order("mode 0 320x240")
        self.wait_for_picture(first, background(320, 240), (320, 240))
        self.source.order("mode 1 300x200")
        self.desktop.wait_for_windows("Hesper", 2)


class Software(Pictures, Base):
    renderer = "software"


class Vulkan(Pictures, Base):
    renderer = "vulkan"


class Hands(Base):
    def setUp(self):
        super().setUp()
        self.open(("--content", "still", "--mode", "640x480"), "--window-renderer", "software")
        self.window = self.desktop.wait_for_windows("Hesper")[0]
        self.wait_for_picture(self.window, background(640, 480), (640, 480))
        self.left, self.top, *_ = self.desktop.geometry(self.window)
        self.focus(self.window)

    def point(self, x, y):
        self.desktop.do("mousemove", self.left + x, self.top + y)

    def pointer(self):
        """Where the tablet is, in pixels of the guest."""
        moves = self.events("tablet")
        x = [value for _, kind, code, value in moves if (kind, code) == (EV_ABS, 0)][-1]
        y = [value for _, kind, code, value in moves if (kind, code) == (EV_ABS, 1)][-1]
        return x * 640 // 65536, y * 480 // 65536

    def test_pointer_buttons_and_wheel(self):
        for x, y in ((1, 1), (100, 50), (319, 239), (639, 479)):
            self.point(x, y)
            wait_until(lambda: self.events("tablet") and self.pointer() == (x, y), 20, f"The pointer is not at {x}, {y}.")
        for number, code in ((1, 0x110), (2, 0x112), (3, 0x111)):
            self.desktop.do("click", number)
            self.wait_for_events([("tablet", EV_KEY, code, 1), ("tablet", EV_KEY, code, 0)], "tablet")
        self.desktop.do("click", 4, "click", 5, "click", 5)
        self.wait_for_events([("tablet", EV_REL, 11, 120), ("tablet", EV_REL, 11, -120)], "tablet")

    def test_scaled_windows_hit_the_right_pixel(self):
        self.desktop.do("windowsize", "--sync", self.window, 320, 240)
        time.sleep(0.3)
        self.left, self.top, *_ = self.desktop.geometry(self.window)
        self.point(100, 60)
        wait_until(lambda: self.events("tablet") and self.pointer() == (200, 120), 20, "The pointer is elsewhere.")

    def test_keys_and_what_is_let_go(self):
        self.desktop.do("key", "a", "shift+b", "F5")
        self.wait_for_events([("keyboard", EV_KEY, 30, 0), ("keyboard", EV_KEY, 48, 0), ("keyboard", EV_KEY, 63, 0)], "keyboard")
        self.desktop.do("keydown", "x")
        self.wait_for_events([("keyboard", EV_KEY, 45, 1)], "keyboard")
        other = subprocess.Popen(["xlogo"], env=self.desktop.environment(), start_new_session=True)
        self.addCleanup(end_group, other)
        self.focus(self.desktop.wait_for_windows("xlogo")[0])
        self.wait_for_events([("keyboard", EV_KEY, 45, 0)], "keyboard")

    def test_capture(self):
        self.point(300, 200)
        self.desktop.do("key", "ctrl+alt+g")
        self.desktop.wait_for_windows("lets go")
        self.assertNotIn(("keyboard", EV_KEY, 34, 1), self.events("keyboard"))  # G is the window's
        for key in (29, 56):
            self.wait_for_events([("keyboard", EV_KEY, key, 0)], "keyboard")
        before = len(self.events("tablet"))
        self.desktop.do("mousemove_relative", 7, 5)
        self.wait_for_events([("mouse", EV_REL, 0, 7), ("mouse", EV_REL, 1, 5)], "mouse")
        self.assertEqual(len(self.events("tablet")), before)
        self.desktop.do("key", "ctrl+alt+g")
        self.desktop.wait_for_windows("captures")

    def test_the_guest_follows_on_request(self):
        self.desktop.do("windowsize", self.window, 500, 400)
        time.sleep(0.6)
        self.assertNotIn({"display": 0, "width": 500, "height": 400}, self.source.lines())
        self.desktop.do("key", "ctrl+alt+r")
        wait_until(lambda: {"display": 0, "width": 500, "height": 400} in self.source.lines(), 20, "The guest is not asked.")
        self.wait_for_picture(self.window, background(500, 400), (500, 400))


class Ends(Base):
    def test_no_display_server(self):
        source = self.start(Synthetic, self.scratch)
        finished = run([HESPER, "view", "--socket", source.socket, "--window"], self.scratch.environment(), 20)
        self.assertEqual(finished.status, 1)
        self.assertIn("there is no display server", finished.errors)

    def wait_for_rest(self):
        """Until hesper-view sleeps for 3 s: as good as no thread wakes up, and no tick of the clock, 10 ms, is its."""

        def rests():
            processor_time, wake_ups = self.view.processor_time(), self.view.wake_ups()
            time.sleep(3)
            return self.view.wake_ups() - wake_ups < 3 and self.view.processor_time() - processor_time < 0.015

        wait_until(rests, 30, "hesper-view does not come to rest.")

    def test_a_still_screen_takes_no_processor_time(self):
        for renderer in ("software", "vulkan"):
            with self.subTest(renderer):
                self.open(("--content", "still", "--mode", "640x480", "--rate", "0"), "--window-renderer", renderer)
                self.wait_for_picture(self.desktop.wait_for_windows("Hesper")[0], background(640, 480), (640, 480))
                self.wait_for_rest()
        with self.subTest("no display, no window"):
            self.source.order("mode 0 off")
            self.desktop.wait_for_windows("Hesper", 0)
            self.wait_for_rest()
            self.source.order("mode 0 500x300")
            self.wait_for_picture(self.desktop.wait_for_windows("Hesper")[0], background(500, 300), (500, 300))
