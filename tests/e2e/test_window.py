# hesper view --window at the synthetic source, under Xvfb and sway: the windows' pixels are the guest's, by both
# renderers, and what is done in them arrives in the guest.
import time

from desktop import Desktop, ManagedDesktop, Sway, background
from support import HESPER, NATIVE_ICD, TestCase, run, tools_present, wait_until
from synthetic import Synthetic, View

EV_KEY, EV_REL, EV_ABS = 1, 2, 3
WIDTH, HEIGHT = 1000, 800  # of desktops


def setUpModule():
    tools_present(*ManagedDesktop.TOOLS, *Sway.TOOLS)


def twice(width, height, pixels):
    """A picture of twice the width and height."""
    rows = [b"".join(pixels[at : at + 3] * 2 for at in range(3 * width * y, 3 * width * (y + 1), 3)) for y in range(height)]
    return b"".join(row * 2 for row in rows)


def numbered(width, height, number):
    """What the synthetic source's `counter` shows."""
    picture = bytearray(background(width, height))
    for bit in range(32):
        colour = b"\xff" * 48 if number >> bit & 1 else bytes(48)
        for y in range(bit // 8 * 16, bit // 8 * 16 + 16):
            at = 3 * (width * y + bit % 8 * 16)
            picture[at : at + 48] = colour
    return bytes(picture)


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
    Desktop = Desktop

    def open(self, source, *options, **desktop):
        self.source = self.start(Synthetic, self.scratch, *source)
        self.desktop = self.start(self.Desktop, self.scratch, f"{WIDTH}x{HEIGHT}", **desktop)
        self.view = self.start(WindowView, self.scratch, self.desktop, self.source.socket, *options)

    def wait_for_picture(self, window, want, size):
        def same():
            width, height, pixels = self.desktop.picture(window)
            return (width, height) == size and pixels == want

        wait_until(same, 20, f"The window does not show the guest's picture: {self.view.log()}")

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
            self.desktop.place(window, 0, 0, 1000, 600)
            self.wait_for_picture(window, twice(500, 300, background(500, 300)), (1000, 600))
        with self.subTest("pixel by pixel"):
            self.desktop.focus(window)
            self.desktop.key("ctrl+alt+s", "ctrl+alt+s")  # fit, integer, original
            small = background(500, 300)
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
            self.wait_for_picture(window, numbered(640, 480, number), (640, 480))

    def test_the_last_of_many_frames_arrives(self):
        self.show(("--content", "counter", "--mode", "640x480", "--rate", "200", "--frames", "300"))
        window = self.desktop.wait_for_windows("Hesper")[0]
        self.wait_for_picture(window, numbered(640, 480, 300), (640, 480))

    def test_two_displays(self):
        self.show(("--content", "still", "--mode", "400x300", "--mode", "300x200"))
        self.desktop.wait_for_windows("Hesper", 2)
        second = self.desktop.wait_for_windows("display 1")[0]
        first = next(window for window in self.desktop.windows("Hesper") if window != second)
        self.wait_for_picture(second, background(300, 200), (300, 200))
        self.desktop.place(first, 0, 0, 400, 300)
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


class Managed:
    """On desktops that make windows full screen, hide and close them."""

    def full_screen_and_hidden(self, renderer):
        size = (WIDTH // 2, HEIGHT // 2)
        self.open(("--content", "counter", "--mode", f"{size[0]}x{size[1]}", "--rate", "0"), "--window-full-screen",
                  "--window-renderer", renderer)  # fmt: skip
        window = self.desktop.wait_for_windows("Hesper")[0]
        self.wait_for_picture(window, twice(*size, numbered(*size, 0)), (WIDTH, HEIGHT))
        self.desktop.focus(window)
        self.desktop.key("ctrl+alt+f")
        self.wait_for_picture(window, numbered(*size, 0), size)
        self.desktop.hide(window)
        self.source.order("frame")
        self.source.order("frame")
        self.desktop.show(window)
        self.wait_for_picture(window, numbered(*size, 2), size)
        self.desktop.focus(window)
        self.desktop.key("ctrl+alt+f")
        self.wait_for_picture(window, twice(*size, numbered(*size, 2)), (WIDTH, HEIGHT))

    def test_full_screen_and_hidden_by_software(self):
        self.full_screen_and_hidden("software")

    def test_full_screen_and_hidden_by_vulkan(self):
        self.full_screen_and_hidden("vulkan")

    def test_closed_windows(self):
        self.open(("--content", "counter", "--mode", "400x300", "--mode", "300x200", "--rate", "0"))
        self.desktop.wait_for_windows("Hesper", 2)
        second = self.desktop.wait_for_windows("display 1")[0]
        first = next(window for window in self.desktop.windows("Hesper") if window != second)
        self.desktop.close_window(second)
        self.desktop.wait_for_windows("Hesper", 1)
        self.source.order("frame")
        self.wait_for_picture(first, numbered(400, 300, 1), (400, 300))
        self.assertEqual(self.desktop.windows("Hesper"), [first])
        self.desktop.close_window(first)
        wait_until(lambda: self.view.process.poll() is not None, 20, "hesper view does not end with its last window.")
        self.assertEqual(self.view.process.returncode, 0, self.view.log())
        self.source.order("frame")
        self.assertIsNone(self.source.process.poll())


class Openbox(Managed, Base):
    Desktop = ManagedDesktop


class Hands(Base):
    def setUp(self):
        super().setUp()
        self.open(("--content", "still", "--mode", "640x480", "--mode", "off"), "--window-renderer", "software")
        self.window = self.desktop.wait_for_windows("Hesper")[0]
        self.wait_for_picture(self.window, background(640, 480), (640, 480))
        self.desktop.focus(self.window)

    def pointer(self):
        """Where the tablet is, in pixels of the guest."""
        moves = self.events("tablet")
        x = [value for _, kind, code, value in moves if (kind, code) == (EV_ABS, 0)]
        y = [value for _, kind, code, value in moves if (kind, code) == (EV_ABS, 1)]
        return (x[-1] * 640 // 65536, y[-1] * 480 // 65536) if x and y else None

    def wait_for_pointer(self, x, y):
        wait_until(lambda: self.pointer() == (x, y), 20, f"The pointer is not at {x}, {y}, but at {self.pointer()}.")

    def wait_for_keys(self, *codes):
        self.wait_for_events([("keyboard", EV_KEY, code, 0) for code in codes], "keyboard")

    def open_another(self):
        """A window that has the focus."""
        self.source.order("mode 1 300x200")
        other = self.desktop.wait_for_windows("display 1")[0]
        self.desktop.focus(other)

    def test_pointer_buttons_and_wheel(self):
        for x, y in ((1, 1), (100, 50), (319, 239), (639, 479)):
            self.desktop.point(self.window, x, y)
            self.wait_for_pointer(x, y)
        for number, code in ((1, 0x110), (2, 0x112), (3, 0x111)):
            self.desktop.click(number)
            self.wait_for_events([("tablet", EV_KEY, code, 1), ("tablet", EV_KEY, code, 0)], "tablet")
        self.desktop.scroll(1)
        self.desktop.scroll(-2)
        self.wait_for_events([("tablet", EV_REL, 11, 120), ("tablet", EV_REL, 11, -120)], "tablet")

    def test_scaled_windows_hit_the_right_pixel(self):
        self.desktop.place(self.window, 10, 20, 320, 240)
        wait_until(lambda: self.desktop.picture(self.window)[:2] == (320, 240), 20, "The window keeps its size.")

        def hits():  # once the window knows its size
            self.desktop.point(self.window, 99, 60)
            self.desktop.point(self.window, 100, 60)
            x, y = self.pointer() or (0, 0)
            return (x // 2, y // 2) == (100, 60)  # two pixels of the guest's in one of the window's

        wait_until(hits, 20, "The pointer is elsewhere.")

    def test_keys_and_what_is_let_go(self):
        self.desktop.key("a", "shift+b", "F5")
        self.wait_for_keys(30, 48, 63)
        self.desktop.hold("x")
        self.wait_for_events([("keyboard", EV_KEY, 45, 1)], "keyboard")
        self.open_another()
        self.wait_for_keys(45)

    def test_locks(self):
        presses = lambda: self.events("keyboard").count(("keyboard", EV_KEY, 58, 1))  # noqa: E731
        self.desktop.key("caps_lock")
        wait_until(lambda: presses() > 0, 20, "The guest does not get the key.")
        # This guest's light stays off, and the host's is on: the next window that gets the focus presses the key.
        self.open_another()
        wait_until(lambda: presses() > 1, 20, "The guest's lock does not become the host's.")

    def test_capture(self):
        self.desktop.point(self.window, 300, 200)
        self.wait_for_pointer(300, 200)
        self.desktop.key("ctrl+alt+g")
        self.desktop.wait_for_windows("lets go")
        self.wait_for_keys(29, 56)
        self.assertNotIn(("keyboard", EV_KEY, 34, 1), self.events("keyboard"))  # G is the window's
        before = len(self.events("tablet"))
        self.desktop.move_by(7, 5)
        self.wait_for_events([("mouse", EV_REL, 0, 7), ("mouse", EV_REL, 1, 5)], "mouse")
        self.assertEqual(len(self.events("tablet")), before)
        self.desktop.key("ctrl+alt+g")
        self.desktop.wait_for_windows("captures")

    def test_the_guest_follows_on_request(self):
        self.desktop.place(self.window, 0, 0, 500, 400)
        time.sleep(0.6)
        self.assertNotIn({"display": 0, "width": 500, "height": 400}, self.source.lines())
        self.desktop.key("ctrl+alt+r")
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


class WaylandSoftware(Pictures, Base):
    Desktop = Sway
    renderer = "software"


class WaylandVulkan(Pictures, Base):
    Desktop = Sway
    renderer = "vulkan"


class WaylandHands(Hands):
    Desktop = Sway


class WaylandManaged(Managed, Base):
    Desktop = Sway


class WaylandScales(Base):
    Desktop = Sway

    def test_pixels_are_pixels_where_points_are_larger(self):
        self.open(("--content", "still", "--mode", "640x480"), "--window-renderer", "software", scale=2)
        window = self.desktop.wait_for_windows("Hesper")[0]
        self.wait_for_picture(window, background(640, 480), (640, 480))
        self.assertEqual(self.desktop.geometry(window)[2:], (320, 240))

        with self.subTest("an output that comes, and goes with the window on it"):
            self.desktop.do("create_output")
            self.desktop.do("output HEADLESS-2 mode 800x600 position 2000 0 scale 1 background #000000 solid_color")
            self.desktop.do(f"[con_id={window}] move container to output HEADLESS-2")
            self.source.order("mode 0 400x200")
            self.wait_for_picture(window, background(400, 200), (400, 200))
            self.desktop.do("output HEADLESS-2 unplug")
            self.desktop.focus(window)
            self.wait_for_picture(window, twice(400, 200, background(400, 200)), (800, 400))
