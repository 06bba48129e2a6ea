# Screens in a browser: Debian's Chromium and Firefox, and clients that are none, at the web server of hesper view, with the
# synthetic source as the guest.
import contextlib
import math
import os
import pathlib
import re
import signal
import socket
import struct
import time

import numpy
from selenium.webdriver.common.actions.mouse_button import MouseButton
from selenium.webdriver.common.keys import Keys

from browser import Address, Browser, WebSocket
from chromium import Chromium
from desktop import ManagedDesktop
from firefox import Firefox
from guest import Gpu, InputMachine
from line import Line
from machines import Run
from support import PROGRAMS, Screen, TestCase, run, tools_present, wait_until
from synthetic import Synthetic, View

EV_KEY, EV_REL, EV_ABS = 1, 2, 3
ABS_X, ABS_Y = 0, 1
REL_X, REL_Y, REL_WHEEL, REL_HWHEEL, REL_WHEEL_HI_RES = 0, 1, 8, 6, 11
BTN_LEFT, BTN_RIGHT = 0x110, 0x111
KEY_A, KEY_LEFTSHIFT, KEY_ENTER, KEY_LEFTALT = 30, 42, 28, 56
KEY_ESC, KEY_BACKSPACE, KEY_LEFTMETA, KEY_L = 1, 14, 125, 38


def setUpModule():
    tools_present("chromium", "chromedriver", "firefox-esr", "openbox", "openssl", "xdotool", "pngtopnm")


def background(width, height):
    """What the synthetic source draws behind everything."""
    picture = numpy.zeros((height, width, 3), numpy.uint8)
    picture[:, :, 0] = numpy.arange(width)[None, :] & 255
    picture[:, :, 1] = numpy.arange(height)[:, None] & 255
    picture[:, :, 2] = 0x40
    return picture


def frame_number(pixels):
    """That of the code in the picture's corner."""
    blocks = pixels[:64, :128].reshape(4, 16, 8, 16, 3)[:, 4:12, :, 4:12].mean(axis=(1, 3, 4))
    return sum(1 << i for i, level in enumerate(blocks.reshape(-1)) if level > 127)


def psnr(one, other):
    error = numpy.mean((one.astype(float) - other.astype(float)) ** 2)
    return 99.0 if error == 0 else 10 * numpy.log10(255**2 / error)


class Web(TestCase):
    program = Chromium
    source_options = ()
    view_options = ()

    def setUp(self):
        super().setUp()
        self.source = self.start(Synthetic, self.scratch, *self.source_options)
        self.view = self.start(View, self.scratch, self.source.socket, "--web", *self.view_options)
        self.address = Address(self.view.says(r"web: (https?://\S+)").group(1))

    def open(self, query="", token=None, **options):
        url = f"{self.address.origin}/?token={token or self.address.token}{query}"
        browser = self.start(Browser, self.scratch, url, self.program, **options)
        browser.wait_for("state.state === 'connected' && state.frames > 0", what="No picture comes")
        return browser

    def check_lost_server(self):
        """A page goes on when a server that was killed is there again. Returns it, at a server of its own."""
        state = self.scratch.path / "state"
        command = [PROGRAMS / "hesper-view", "--socket", self.source.socket, "--web", "--state", state]
        first = self.start(Process, self.scratch, command)
        first.wait_for_web()
        self.address = Address(f"http://127.0.0.1:{first.port(state)}/?token={first.token(state)}")
        browser = self.open()
        first.process.kill()
        browser.wait_for("state.state === 'lost'")
        self.assertIn("lost", browser.text("panel"))
        second = self.start(Process, self.scratch, command)
        second.wait_for_web()
        count = browser.state()["frames"]
        browser.wait_for(f"state.state === 'connected' && state.frames > {count}", timeout=15)
        return browser

    def connect(self, token=None, **options):
        return self.start(WebSocket, self.address, token or self.address.token, **options)


class Pictures(Web):
    source_options = ("--content", "counter", "--rate", "0", "--mode", "1280x720")

    def test_video_equals_the_source_and_a_still_screen_costs_nothing(self):
        browser = self.open()
        self.assertEqual(browser.run("return location.search + location.hash"), "", "The token stays in the address.")
        self.assertIn(browser.state()["config"]["codecString"][:5], ("avc1.",))
        for number in range(1, 6):
            self.source.order("frame")
            wait_until(lambda: frame_number(browser.picture()[2]) == number, 10, f"Frame {number} is not shown.")
        width, height, _ = browser.picture()
        self.assertEqual((width, height), (1280, 720))
        want = background(width, height)

        def is_right():
            _, _, pixels = browser.picture()
            # Away from the edges, where chroma is halved, colours are nearly right.
            worst = numpy.abs(pixels[100:200, 20:240].astype(int) - want[100:200, 20:240]).max()
            return worst < 14 and psnr(pixels[64:], want[64:]) > 35

        wait_until(is_right, 10, "The picture is not refined to the source's while it stands still.")
        time.sleep(1)  # nor is it refined any more

        before = self.view.processor_time()
        time.sleep(5)
        self.assertLess(self.view.processor_time() - before, 0.06)

    def test_lossless_is_exact(self):
        browser = self.open("&codec=lossless")
        self.source.order("frame")
        wait_until(lambda: frame_number(browser.picture()[2]) == 1, 10, "Frame 1 is not shown.")
        width, height, pixels = browser.picture()
        self.assertTrue(numpy.array_equal(pixels[64:], background(width, height)[64:]))

    def test_tiles_come_at_once_and_exact_when_the_picture_stands_still(self):
        browser = self.open("&codec=tiles")
        self.assertEqual(browser.state()["config"]["codec"], 16)
        self.source.order("frame")
        wait_until(lambda: frame_number(browser.picture()[2]) == 1, 10, "Frame 1 is not shown.")
        want = background(1280, 720)
        wait_until(
            lambda: numpy.array_equal(browser.picture()[2][64:], want[64:]), 10, "The picture is not refined."
        )  # fmt: skip

    def test_cursor_is_apart_from_the_picture(self):
        browser = self.open()
        self.source.order("cursor 0 300 200")
        # Cut to what can be seen of it; the hot spot is four pixels from its corner.
        browser.wait_for("state.cursor !== null && state.cursor.id !== 0 && state.cursorShape !== undefined")
        state = browser.state()
        self.assertEqual(state["cursorShape"], {"width": 16, "height": 16, "hotX": 4, "hotY": 4})
        self.assertEqual((state["cursor"]["x"], state["cursor"]["y"]), (304, 204))
        style = browser.run("return getComputedStyle(document.getElementById('screen')).cursor")
        self.assertIn("image-set(url(\"data:image/png", style.replace("'", '"'))
        self.assertLess(browser.picture()[2][200:208, 300:316].max(), 220)  # the cursor is white
        self.source.order("cursor 0 off")
        browser.wait_for("state.cursor.id === 0")

    def test_guest_follows_the_window_on_request(self):
        browser = self.open()
        browser.click("follow-button")
        # Of the stage, below the bar.
        browser.wait_for("state.size.width === 1400 && state.size.height < 900 && state.size.height > 600")
        size = browser.state()["size"]
        self.assertIn({"display": 0, **size}, self.source.lines())
        self.source.order("mode 0 640x480")
        browser.wait_for("state.size.width === 640 && state.size.height === 480")
        self.source.order("frame")
        wait_until(lambda: browser.picture()[:2] == (640, 480), 10, "The smaller picture is not shown.")


class Encoders(Web):
    """The first one whose codec the browser decodes is taken."""

    source_options = ("--content", "counter", "--rate", "0", "--mode", "1280x720")
    view_options = ("--web-encoder", "libx265", "--web-encoder", "libsvtav1")

    def test_av1_where_hevc_is_not_decoded(self):
        browser = self.open()
        self.assertEqual(browser.state()["config"]["codecString"][:5], "av01.")
        for width, height in ((1280, 720), (801, 603)):
            self.source.order(f"mode 0 {width}x{height}")
            browser.wait_for(f"state.size.width === {width}")
            want = background(width, height)

            def is_right():
                picture = browser.picture()
                return picture[:2] == (width, height) and psnr(picture[2][64:], want[64:]) > 28  # noqa: B023

            # As good as a key frame is at this rate: what does not change is not made better, as with libx264.
            wait_until(is_right, 20, "The picture is not the source's.")
        self.assertEqual(browser.state()["notices"], [])

        with self.subTest("key frames on demand"):
            viewer = self.connect()
            viewer.hello(codecs=1 << 3)
            keys = []
            for ask in (False, True):
                if ask:
                    viewer.send(b"\x83\0\0\0")
                message = viewer.receive_type(1)
                codec, flags, frame = struct.unpack_from("<BHI", message, 1)
                viewer.acknowledge(frame)
                keys.append((codec, flags & 1))
            self.assertEqual(keys, [(3, 1), (3, 1)])


class Displays(Web):
    source_options = ("--content", "counter", "--rate", "20", "--mode", "800x600", "--mode", "1024x768")

    def test_several_displays_and_viewers(self):
        first = self.open()
        second = self.open("&display=1")
        first.wait_for("state.displays.length === 2 && state.size.width === 800")
        second.wait_for("state.size.width === 1024")
        first.run("document.querySelectorAll('#displays button')[1].click()")
        first.wait_for("state.size.width === 1024")
        first.wait_for_pictures()
        second.wait_for_pictures()
        self.source.order("mode 1 off")
        first.wait_for("state.displays.length === 1")


class Hands(Web):
    """A browser, and what a guest is told of what is done in it."""

    source_options = ("--content", "still", "--rate", "5", "--mode", "1000x600")

    def wait_for_events(self, device, want):
        wait_until(
            lambda: self.source.events(device)[-len(want) :] == want, 10,
            f"{want} do not come from {device}: {self.source.lines()[-20:]}",
        )  # fmt: skip

    def settled_box(self, browser):
        """Left, top, width and height of the screen, once a new size of the window has had all its effects."""
        measure = ("const b = document.getElementById('screen').getBoundingClientRect();"
                   "return [b.left, b.top, b.width, b.height]")  # fmt: skip
        boxes = [browser.run(measure)]

        def settled():
            time.sleep(0.3)
            boxes.append(browser.run(measure))
            return boxes[-1] == boxes[-2]

        wait_until(settled, 10, "The page does not come to rest.")
        return boxes[-1]

    def check_places(self, browser):
        """The pointer, over single pixels of the picture, arrives at them."""
        box = self.settled_box(browser)
        for x, y in ((0, 0), (999, 599), (500, 300), (1, 598), (333, 77)):
            # Pointers are at whole pixels of the window; which of the picture's that is, is arithmetic.
            at = tuple(
                min(math.ceil(begin + (pixel + 0.3) * extent / pixels), math.ceil(begin + extent) - 1)
                for pixel, pixels, begin, extent in ((x, 1000, box[0], box[2]), (y, 600, box[1], box[3]))
            )
            want = int((at[0] - box[0]) / box[2] * 1000), int((at[1] - box[1]) / box[3] * 600)
            browser.point(*at)
            arrived = lambda: self.place() == want  # noqa: B023, E731
            wait_until(arrived, 10, f"The pointer over {want} arrives at {self.place()}.")

    def place(self):
        """The pixel under the guest's pointer."""
        place = {}
        for _, kind, code, value in self.source.events("tablet"):
            if kind == EV_ABS:
                place[code] = value
        return tuple(place.get(axis, -1) * extent // 65536 for axis, extent in ((ABS_X, 1000), (ABS_Y, 600)))

    def set_scale(self, browser, value):
        browser.run("const s = document.getElementById('scale'); s.value = arguments[0]; s.onchange()", value)


class Input(Hands):
    def key(self, browser, kind, code, key, **more):
        browser.driver.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": kind, "code": code, "key": key, **more})

    def test_pointer_at_three_scalings(self):
        browser = self.open(size=(1500, 1000))
        self.check_places(browser)  # larger than it is
        browser.driver.set_window_size(700, 500)
        browser.wait_for("document.getElementById('screen').getBoundingClientRect().width < 700")
        self.check_places(browser)  # smaller
        sharp = self.open(size=(800, 600), ratio=2)
        self.set_scale(sharp, "1")
        sharp.wait_for("document.getElementById('screen').getBoundingClientRect().width === 500")
        self.check_places(sharp)  # a pixel for each of the screen's

    def test_keys_buttons_wheel_and_text(self):
        browser = self.open(size=(1100, 800))
        browser.run("document.getElementById('screen').focus()")
        self.key(browser, "rawKeyDown", "KeyA", "a")
        self.key(browser, "rawKeyDown", "KeyA", "a", autoRepeat=True)
        self.key(browser, "keyUp", "KeyA", "a")
        self.wait_for_events("keyboard", [("keyboard", EV_KEY, KEY_A, 1), ("keyboard", EV_KEY, KEY_A, 0)])

        browser.press_button(300, 300)
        browser.release_button(300, 300)
        wait_until(
            lambda: [e for e in self.source.events("tablet") if e[1] == EV_KEY]
            == [("tablet", EV_KEY, BTN_LEFT, 1), ("tablet", EV_KEY, BTN_LEFT, 0)],
            10, "The click does not come.",
        )  # fmt: skip
        for _ in range(2):
            browser.turn_wheel(300, 300, right=0, down=120)
        wait_until(
            lambda: sum(e[3] for e in self.source.events("tablet") if e[1:3] == (EV_REL, REL_WHEEL)) == -2,
            10, f"The wheel does not turn by two notches: {self.source.events('tablet')[-8:]}",
        )  # fmt: skip

        count = len(self.source.events("keyboard"))
        browser.click("text-button")
        browser.run("document.getElementById('text').value = 'A\\n'")
        browser.click("text-send")
        self.wait_for_events("keyboard", [
            ("keyboard", EV_KEY, KEY_LEFTSHIFT, 1), ("keyboard", EV_KEY, KEY_A, 1), ("keyboard", EV_KEY, KEY_A, 0),
            ("keyboard", EV_KEY, KEY_LEFTSHIFT, 0), ("keyboard", EV_KEY, KEY_ENTER, 1),
            ("keyboard", EV_KEY, KEY_ENTER, 0),
        ])  # fmt: skip
        self.assertEqual(len(self.source.events("keyboard")), count + 6)

        with self.subTest("a modifier whose end the window manager kept to itself"):
            browser.run("document.getElementById('screen').focus()")
            self.key(browser, "rawKeyDown", "AltLeft", "Alt", modifiers=1)
            self.key(browser, "rawKeyDown", "KeyA", "a")
            self.key(browser, "keyUp", "KeyA", "a")
            self.wait_for_events("keyboard", [("keyboard", EV_KEY, *event) for event in (
                (KEY_LEFTALT, 1), (KEY_LEFTALT, 0), (KEY_A, 1), (KEY_A, 0))])  # fmt: skip

        with self.subTest("what is down when the page goes is let go"):
            browser.run("document.getElementById('screen').focus()")
            self.key(browser, "rawKeyDown", "KeyA", "a")
            self.wait_for_events("keyboard", [("keyboard", EV_KEY, KEY_A, 1)])
            browser.close()
            self.wait_for_events("keyboard", [("keyboard", EV_KEY, KEY_A, 0)])

    def test_locked_pointer(self):
        screen = self.start(Screen, self.scratch)
        browser = self.open(size=(600, 500), screen=screen)
        environment = self.scratch.environment(DISPLAY=screen.display)
        hand = lambda *words: self.expect_success(run(["xdotool", *words], environment))  # noqa: E731
        hand("mousemove", "300", "300", "click", "--repeat", "3", "5")
        turned = lambda: sum(e[3] for e in self.source.events("tablet") if e[1:3] == (EV_REL, REL_WHEEL_HI_RES))  # noqa: E731
        wait_until(lambda: turned() == -360, 10, "The wheel does not turn by whole notches.")
        hand("mousemove", "300", "300", "click", "1")
        browser.run("document.getElementById('lock-button').onclick()")
        browser.wait_for("document.pointerLockElement !== null", what="The pointer is not locked")
        for _ in range(3):
            hand("mousemove_relative", "--", "10", "-4")
        wait_until(
            lambda: tuple(sum(e[3] for e in self.source.events("mouse") if e[1:3] == (EV_REL, axis))
                          for axis in (REL_X, REL_Y)) == (30, -12),
            10, f"The steps do not come: {self.source.events('mouse')}",
        )  # fmt: skip

    def test_full_screen(self):
        desktop = self.start(ManagedDesktop, self.scratch, "1280x800")
        browser = self.open(size=(1200, 700), screen=desktop)
        before = self.settled_box(browser)
        browser.press_button(*browser.place_of("full-button"))
        browser.release_button(*browser.place_of("full-button"))
        browser.wait_for("document.fullscreenElement !== null && innerWidth === 1280 && innerHeight === 800")
        browser.wait_for("document.getElementById('screen').getBoundingClientRect().width === 1280")
        count = len(self.source.events("keyboard"))
        for keys in ("Escape", "super+l"):  # which Chromium gives to the page only then
            desktop.do("key", keys)
        self.wait_for_events("keyboard", [("keyboard", EV_KEY, *event) for event in (
            (KEY_ESC, 1), (KEY_ESC, 0), (KEY_LEFTMETA, 1), (KEY_L, 1), (KEY_LEFTMETA, 0), (KEY_L, 0))])  # fmt: skip
        self.assertEqual(len(self.source.events("keyboard")), count + 6)
        desktop.do("keydown", "Escape")
        browser.wait_for("document.fullscreenElement === null", what="Esc does not leave full screen")
        desktop.do("keyup", "Escape")
        wait_until(lambda: self.settled_box(browser) == before, 20, "The picture is not as before.")

    def test_phone(self):
        browser = self.open(size=(390, 844), ratio=3, phone=True)
        self.assertEqual(browser.run("return [innerWidth, document.documentElement.scrollWidth]"), [390, 390])
        self.assertEqual(browser.text("text-button"), "")
        browser.touch(browser.place_of("menu-button"))
        self.assertEqual(browser.text("text-button"), "Type text")
        browser.touch(browser.place_of("statistics-button"))
        browser.wait_for("!document.getElementById('overlay').hidden")
        self.assertEqual(browser.text("text-button"), "")  # the menu has gone

        browser.touch(browser.place_of("keyboard-button"))
        browser.driver.execute_cdp_cmd("Input.insertText", {"text": "A"})
        browser.keys(Keys.BACKSPACE)
        self.wait_for_events("keyboard", [("keyboard", EV_KEY, *event) for event in (
            (KEY_LEFTSHIFT, 1), (KEY_A, 1), (KEY_A, 0), (KEY_LEFTSHIFT, 0), (KEY_BACKSPACE, 1), (KEY_BACKSPACE, 0)
        )])  # fmt: skip

    def test_leds_and_touch(self):
        browser = self.open(size=(1100, 800))
        self.source.order("led caps_lock on")
        browser.wait_for("state.leds !== null && state.leds.capsLock")
        self.assertEqual(browser.text("leds"), "Caps")

        browser.touch((300, 300), (400, 300))
        tracking = 0x39  # ABS_MT_TRACKING_ID
        wait_until(
            lambda: [e[3] == -1 for e in self.source.events("touch") if e[2] == tracking]
            == [False, False, True, True],
            10, f"Two fingers do not come and go: {self.source.events('touch')}",
        )  # fmt: skip

    def test_view_only(self):
        browser = self.open(token=self.address.session(self.address.token)["view_token"])
        self.assertTrue(browser.state()["viewOnly"])
        browser.run("document.getElementById('screen').focus()")
        self.key(browser, "rawKeyDown", "KeyA", "a")
        browser.point(300, 300)
        # Whoever sends what the page would not.
        viewer = self.connect(token=self.address.session(self.address.token)["view_token"])
        viewer.hello()
        viewer.send(bytes([0x90, 1, 30, 0, 1]))
        viewer.send(struct.pack("<B3xHHI", 0x84, 640, 480, 0))
        viewer.receive_type(1)
        self.connect().hello()  # by then the others were heard
        time.sleep(0.5)
        self.assertEqual(self.source.events(), [])
        self.assertNotIn({"display": 0, "width": 640, "height": 480}, self.source.lines())
        self.assertNotIn("view_token", self.address.session(self.address.session(self.address.token)["view_token"]))


class InFirefox(Hands):
    program = Firefox
    source_options = ("--content", "counter", "--rate", "0", "--mode", "1000x600")

    def show(self, browser, number):
        """The source's next picture, which is this one, and waits for it."""
        self.source.order("frame")
        wait_until(lambda: frame_number(browser.picture()[2]) == number, 20, f"Frame {number} is not shown.")

    def test_pictures(self):
        with self.subTest("after a lost server"):
            browser = self.check_lost_server()
        self.assertEqual(browser.state()["config"]["codecString"][:5], "avc1.")
        want = background(1000, 600)
        for number in range(1, 4):
            self.show(browser, number)
        wait_until(lambda: psnr(browser.picture()[2][64:], want[64:]) > 35, 20, "The picture is not the source's.")

        with self.subTest("of another size"):
            self.source.order("mode 0 640x480")
            browser.wait_for("state.size.width === 640")
            wait_until(lambda: browser.picture()[:2] == (640, 480), 20, "The smaller picture is not shown.")
            self.source.order("mode 0 1000x600")
            browser.wait_for("state.size.width === 1000")

        for codec, coded in (("lossless", 17), ("tiles", 16)):
            with self.subTest(codec):
                browser.driver.get(f"{self.address.origin}/?codec={codec}")
                browser.wait_for(f"state.frames > 0 && state.config.codec === {coded}")
                same = lambda: numpy.array_equal(browser.picture()[2][64:], want[64:])  # noqa: E731
                wait_until(same, 20, "The picture is not exactly the source's.")

    def test_hands(self):
        browser = self.open(size=(1100, 900))
        self.check_places(browser)  # larger than it is
        self.set_scale(browser, "1")
        browser.wait_for("document.getElementById('screen').getBoundingClientRect().width === 1000")
        self.check_places(browser)  # a pixel for each of the window's
        browser.driver.set_window_size(700, 600)
        self.set_scale(browser, "fit")
        browser.wait_for("document.getElementById('screen').getBoundingClientRect().width < 701")
        self.check_places(browser)  # smaller

        browser.press_button(300, 200, MouseButton.RIGHT)
        browser.release_button(300, 200, MouseButton.RIGHT)
        wait_until(
            lambda: [e[2:] for e in self.source.events("tablet") if e[1] == EV_KEY] == [(BTN_RIGHT, 1), (BTN_RIGHT, 0)],
            20, "The click does not come.",
        )  # fmt: skip
        browser.turn_wheel(300, 200, right=0, down=200)  # as a trackpad does
        turned = lambda: sum(e[3] for e in self.source.events("tablet") if e[1:3] == (EV_REL, REL_WHEEL))  # noqa: E731
        wait_until(lambda: turned() == -2, 20, f"The wheel turns by {turned()} notches.")

        browser.press("a")  # the screen has the keyboard since it was clicked
        self.wait_for_events("keyboard", [("keyboard", EV_KEY, KEY_A, 1)])
        with self.subTest("what is down when the screen loses the keyboard is let go"):
            browser.run("document.getElementById('full-button').focus()")
            self.wait_for_events("keyboard", [("keyboard", EV_KEY, KEY_A, 0)])
        browser.release("a")

        self.source.order("cursor 0 300 200")
        browser.wait_for("state.cursor !== null && state.cursor.id !== 0 && state.cursorShape !== undefined")
        style = browser.run("return getComputedStyle(document.getElementById('screen')).cursor")
        self.assertRegex(style, "data:image/png")


class Frozen(Web):
    source_options = ("--content", "video", "--rate", "30", "--mode", "1280x720")

    def test_frozen_viewer_delays_nobody_and_comes_back(self):
        frozen, other = self.open(), self.open()
        renderers = frozen.program.processes()
        self.assertTrue(renderers)
        memory = self.view.memory()
        for process in renderers:
            os.kill(process, signal.SIGSTOP)
        try:
            time.sleep(1)
            other.run("hesper.forget()")
            time.sleep(9)
            self.assertGreater(other.summary()["fps"], 10)
            self.assertLess(self.view.memory() - memory, 16 << 20)
        finally:
            for process in renderers:
                os.kill(process, signal.SIGCONT)
        thawed = time.monotonic()
        count = frozen.state()["frames"]
        frozen.wait_for(f"state.frames >= {count + 5}", timeout=10)
        self.assertLess(time.monotonic() - thawed, 2)
        self.assertEqual(frozen.state()["state"], "connected")

    def test_blocked_worker_comes_back(self):
        browser = self.open()
        browser.run("hesper.block(4000)")
        time.sleep(4.2)
        count, resumed = browser.state()["frames"], time.monotonic()
        browser.wait_for(f"state.frames >= {count + 5}", timeout=10)
        self.assertLess(time.monotonic() - resumed, 2)

    def test_lost_server_comes_back(self):
        self.check_lost_server()


class Process:
    """hesper-view itself, which can be killed."""

    def __init__(self, scratch, command):
        import subprocess

        self.process = subprocess.Popen(list(map(str, command)), env=scratch.environment(), stdin=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
        self._state = command[-1]

    def port(self, state):
        return int(dict(line.split() for line in state.read_text().splitlines()[1:])["web"])

    def token(self, state):
        return state.read_text().splitlines()[0]

    def wait_for_web(self):
        def answers():
            with contextlib.suppress(OSError, KeyError):
                socket.create_connection(("127.0.0.1", self.port(self._state)), timeout=5).close()
                return True

        wait_until(answers, 20, "hesper-view does not listen.")

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class SlowLine(Web):
    """Chromium behind a line of 80 ms each way, which takes less than the pictures need to begin with."""

    source_options = ("--content", "video", "--rate", "30", "--mode", "1280x720")

    def bitrate(self, browser):
        """What the server allows itself, bits a second."""
        return (browser.state()["report"] or {}).get("stream", {}).get("bitrate", 0)

    def wait_for_live_pictures(self, browser):
        """Until those of the last two seconds came within a second each."""

        def live():
            browser.run("hesper.forget()")
            time.sleep(2)
            summary = browser.summary()
            return summary["count"] >= 5 and summary["latency"]["p95"] < 1000

        wait_until(live, 60, "Pictures are late.")

    def test_bitrate_follows_the_line_and_pictures_go_on(self):
        line = self.start(Line, self.address.port, rate=0.5e6, delay=0.08)
        self.address = Address(self.address.url.replace(f":{self.address.port}/", f":{line.port}/"))
        browser = self.open()
        browser.run("document.getElementById('statistics-button').click()")
        memory = self.view.memory()
        usual = 0.07 * 1280 * 720 * 60  # with which it begins
        browser.wait_for("state.report !== null")
        wait_until(lambda: self.bitrate(browser) < 0.7 * usual, 60, f"The bitrate does not fall from {usual}.")
        self.wait_for_live_pictures(browser)
        self.assertGreater(browser.state()["roundTrip"], 150)

        line.rate = 20e6
        # Where processors are missing it may take minutes until the bitrate has come back: that is for flow_control_test.
        self.wait_for_live_pictures(browser)

        line.stalled = True
        time.sleep(3)
        line.stalled = False
        browser.wait_for_pictures(10)
        self.wait_for_live_pictures(browser)
        self.assertEqual(browser.state()["state"], "connected")
        self.assertLess(self.view.memory() - memory, 32 << 20)


class Gate(Web):
    source_options = ("--rate", "5", "--mode", "640x480")
    view_options = ("--web-viewers", "4")

    def refused(self):
        """Lines about those who were turned away."""
        return [line for line in self.view.log().splitlines() if "turned away" in line]

    def status(self, token=None, **options):
        """The answer to somebody who wants to be a viewer."""
        with contextlib.closing(WebSocket(self.address, token, **options)) as viewer:
            return viewer.status

    def assert_served(self):
        viewer = self.connect()
        self.assertEqual(viewer.status, 101)
        viewer.hello()
        self.assertIsNotNone(viewer.receive_type(1))
        viewer.close()

    def test_tokens(self):
        for _ in range(20):
            for token in (None, "0" * 64, self.address.token[:-1]):
                self.assertEqual(self.status(token), 401)
        self.assertEqual(self.address.get("/session")[0], 401)
        self.assertEqual(self.address.get("/session", Authorization="Bearer 1")[0], 401)
        self.assertEqual(self.address.get(f"/?token={'0' * 64}")[0], 401)
        self.assertEqual(self.address.get("/")[0], 200)
        self.assertEqual(len(self.refused()), 2, self.refused())  # one for none, one for wrong ones
        browser = self.start(Browser, self.scratch, f"{self.address.origin}/?token=wrong")
        browser.wait_for("state.state === 'refused'")
        self.assertIn("token is wrong", browser.text("panel"))
        browser.run("sessionStorage.clear()")
        browser.driver.get(f"{self.address.origin}/")
        wait_until(lambda: "needs a token" in browser.text("panel"), 10, "The page does not say that it needs a token.")
        self.assert_served()

    def test_foreign_pages(self):
        token = self.address.token
        for origin in ("http://evil.example", "null", f"http://127.0.0.1:{self.address.port + 1}", "http://localhost"):
            self.assertEqual(self.status(token, origin=origin), 403, origin)
        self.assertEqual(self.status(token, host="evil.example"), 421)
        self.assertEqual(self.address.get("/", Host="evil.example")[0], 421)
        self.assertEqual(self.address.get("/metrics", Host="evil.example")[0], 421)
        self.assertEqual(self.connect(origin=self.address.origin).status, 101)
        self.assertEqual(len(self.refused()), 2, self.refused())
        headers = self.address.get("/")[1]
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertEqual(headers["Cross-Origin-Resource-Policy"], "same-origin")
        self.assertNotIn("Access-Control-Allow-Origin", headers)
        for path in ("/page.js", "/worker.js", "/style.css"):
            status, headers, body = self.address.get(path)
            self.assertEqual((status, headers["X-Content-Type-Options"]), (200, "nosniff"))
            self.assertNotIn(b"://", body.replace(b"http://www.w3.org", b""), "The page names another host.")

    def test_messages_that_break_the_protocol(self):
        for name, message in (
            ("unknown", b"\x70"), ("cut", b"\x81\0"), ("oversized", b"\x90" * 5000), ("huge", b"\x90" * (1 << 20)),
            ("display", struct.pack("<BBHBBBB", 0x81, 16, 1, 0, 2, 0, 0)), ("input before hello", b"\x90"),
        ):  # fmt: skip
            with self.subTest(name):
                viewer = self.connect()
                with contextlib.suppress(ConnectionError):
                    viewer.send(message)
                self.assertTrue(viewer.is_closed())
                viewer.close()
        text = self.connect()
        text.send(b"hello", opcode=1)
        self.assertTrue(text.is_closed())
        # A frame whose length says more than there ever will be.
        viewer = self.connect()
        viewer.socket.sendall(b"\x82\xff" + struct.pack(">Q", 1 << 62) + b"\0\0\0\0")
        self.assertTrue(viewer.is_closed())
        self.assertEqual(len(self.refused()), 1, self.refused())
        self.assert_served()

    def test_requests_that_are_too_large_or_too_slow(self):
        status, _, _ = self.address.get("/", Cookie="x" * 20000)
        self.assertEqual(status, 431)
        self.assertEqual(self.address.get("/", method="POST")[0], 405)
        self.assertEqual(self.address.get("/nothing")[0], 404)
        slow = self.address.connect()
        self.addCleanup(slow.close)
        began = time.monotonic()
        slow.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        slow.settimeout(1)
        closed = False
        while not closed and time.monotonic() - began < 20:
            with contextlib.suppress(TimeoutError):
                try:
                    slow.sendall(b"X-More: 1\r\n")
                    closed = slow.recv(4096) == b""
                except ConnectionError:
                    closed = True
        self.assertTrue(closed)
        self.assertLess(time.monotonic() - began, 13)
        self.assertGreater(time.monotonic() - began, 8)
        self.assert_served()

    def test_200_connections(self):
        viewer = self.connect()
        viewer.hello()
        self.assertIsNotNone(viewer.receive_type(1))
        self.assert_served()
        memory = self.view.memory()  # with encoders, for one and for two viewers
        idle = [self.address.connect() for _ in range(200)]
        try:
            self.assert_served()
            descriptors = len(os.listdir(f"/proc/{self.view.process.pid}/fd"))
            self.assertLess(descriptors, 120)
            self.assertLess(self.view.memory() - memory, 16 << 20)
            self.assertEqual(len(self.refused()), 1, self.refused())
        finally:
            for connection in idle:
                connection.close()

    def test_viewers_are_limited(self):
        viewers = [self.connect() for _ in range(6)]
        self.assertEqual([viewer.status for viewer in viewers], [101] * 4 + [503] * 2)
        self.assertFalse(self.address.session(self.address.token)["room"])
        viewers[0].close()
        wait_until(lambda: self.address.session(self.address.token)["room"], 10, "A viewer that left keeps its place.")

    def test_silent_viewer_gets_two_pictures(self):
        viewer = self.connect()
        viewer.hello()
        frames = [struct.unpack_from("<I", viewer.receive_type(1), 4)[0]]  # encoders are tried first
        end = time.monotonic() + 3
        with contextlib.suppress(TimeoutError):
            while time.monotonic() < end:
                _, message = viewer.receive(timeout=1)
                if message and message[0] == 1:
                    frames.append(struct.unpack_from("<I", message, 4)[0])
        self.assertEqual(frames, [1, 2])
        viewer.acknowledge(2)
        self.assertEqual(struct.unpack_from("<I", viewer.receive_type(1), 4)[0], 3)
        with self.subTest("and a key frame when it asks"):
            viewer.send(b"\x83\0\0\0")
            flags = [struct.unpack_from("<H", viewer.receive_type(1), 2)[0] for _ in range(2)]
            self.assertTrue(any(flag & 1 for flag in flags), flags)

    def test_metrics(self):
        viewer = self.connect()
        viewer.hello()
        viewer.acknowledge(struct.unpack_from("<I", viewer.receive_type(1), 4)[0])
        viewer.receive_type(1)
        status, headers, body = self.address.get("/metrics")
        self.assertEqual(status, 200)
        self.assertIn("version=0.0.4", headers["Content-Type"])
        text = body.decode()
        for line in ("hesper_web_viewers 1", 'hesper_web_refused_total{reason="wrong_token"} 0'):
            self.assertIn(line + "\n", text)
        self.assertRegex(text, r'hesper_output_frames_total\{output="web [^"]+",display="0"\} 1\n')
        # The synthetic source's default: an image of the device's, which the guest's driver transfers.
        self.assertRegex(text, r'hesper_output_frames_by_copies_total\{[^}]*display="0",copies="transfer"\} 1\n')
        for stage in ("published", "taken", "converted", "encoded", "sent", "acknowledged"):
            self.assertRegex(text, rf'hesper_output_stage_seconds\{{[^}}]*stage="{stage}",quantile="0.95"\}} [0-9.e-]+\n')
        self.assertEqual(self.address.get("/metrics?token=wrong")[0], 401)


class Tls(Web):
    source_options = ("--rate", "5", "--mode", "640x480")

    def setUp(self):
        TestCase.setUp(self)
        key, certificate = self.scratch.path / "key.pem", self.scratch.path / "certificate.pem"
        self.expect_success(run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
             "-days", "2", "-subj", "/CN=localhost"],
            self.scratch.environment(),
        ))  # fmt: skip
        self.source = self.start(Synthetic, self.scratch, *self.source_options)
        self.view = self.start(
            View, self.scratch, self.source.socket, "--web", "0.0.0.0", "--web-allow-remote",
            "--web-tls-cert", certificate, "--web-tls-key", key,
        )  # fmt: skip
        url = self.view.says(r"web: (https://\S+)").group(1)
        self.address = Address(url.replace("localhost", "127.0.0.1"))

    def test_page_and_pictures_over_tls(self):
        self.assertNotIn("without TLS", self.view.log())
        browser = self.open(arguments=("--ignore-certificate-errors",))
        browser.wait_for_pictures()
        plain = socket.create_connection(("127.0.0.1", self.address.port), timeout=20)
        plain.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            self.assertNotIn(b"200", plain.recv(4096))
        plain.close()


class Sentences(TestCase):
    def setUp(self):
        super().setUp()
        self.source = self.start(Synthetic, self.scratch, "--rate", "0")

    def test_what_cannot_be_done(self):
        for options, sentence in (
            (("--web", "0.0.0.0"), "--web-allow-remote allows that"),
            (("--web=example.org",), "is not an IP address"),
            (("--web", "127.0.0.1:x"), "is not an address to listen at"),
            (("--web", "--web-tls-cert", "/nowhere"), "both as PEM files"),
            (("--web", "--web-tls-cert", "/nowhere", "--web-tls-key", "/nowhere"), "cannot be used"),
            (("--web-name", "x"), "requires --web"),
        ):
            finished = run([PROGRAMS / "hesper", "view", "--socket", self.source.socket, *options],
                           self.scratch.environment())  # fmt: skip
            self.assertNotEqual(finished.status, 0, finished)
            self.assertIn(sentence, finished.errors)

    def test_listening_elsewhere_without_tls_is_warned_of(self):
        view = self.start(View, self.scratch, self.source.socket, "--web", "0.0.0.0", "--web-allow-remote")
        view.says("without TLS: whoever is on the network")

    def test_page_without_webcodecs_says_why_and_shows_tiles(self):
        view = self.start(
            View, self.scratch, self.source.socket, "--web", "0.0.0.0", "--web-allow-remote", "--web-name", "insecure.test"
        )
        address = Address(view.says(r"web: (http://\S+)").group(1).replace("localhost", "127.0.0.1"))
        # Not a name that browsers trust without TLS.
        url = f"http://insecure.test:{address.port}/?token={address.token}"
        browser = self.start(
            Browser, self.scratch, url, arguments=("--host-resolver-rules=MAP insecure.test 127.0.0.1",)
        )
        browser.wait_for("state.frames > 0 || (state.config && state.config.codec === 16)")
        self.assertIn("only from https", " ".join(notice["text"] for notice in browser.state()["notices"]))


class Guest(TestCase):
    """A stock guest on stock QEMU, seen and used through the page."""

    def test_typed_text_is_on_the_console_and_the_picture_is_the_screen(self):
        gpu = self.start(Gpu, self.scratch, "--mode", "1024x768")
        machine = self.start(InputMachine, self.scratch, gpu)
        machine.boot()
        view = self.start(View, self.scratch, gpu.socket, "--web")
        url = view.says(r"web: (http://\S+)").group(1)
        browser = self.start(Browser, self.scratch, f"{url}&codec=lossless")
        browser.wait_for("state.frames > 0", what="No picture comes")

        machine.run("cat </dev/tty1 >/typed & echo $! >/cat")
        browser.click("text-button")
        browser.run("document.getElementById('text').value = 'Hello, World: a+b=c|~\\n'")
        browser.click("text-send")
        wait_until(lambda: "\n" in machine.run("cat /typed"), 20, "No line comes.")
        self.assertEqual(machine.run("cat /typed"), "Hello, World: a+b=c|~\n")
        machine.run("kill $(cat /cat); printf '\\033[?25l' >/dev/tty1")  # no cursor that blinks

        def same():
            want, (width, height, pixels) = gpu.screenshot(), browser.picture()
            return (want.width, want.height) == (width, height) and want.bytes == pixels.tobytes()

        wait_until(same, 20, "The page does not show what the guest's screen does.")
        browser.click("follow-button")
        wait_until(lambda: " connected 1400x" in machine.run("kms modes"), 20, "The guest is not told the window's size.")


class VirtualMachine(TestCase):
    def test_hesper_run_serves_the_page_and_again_after_a_crash(self):
        machine = self.start(Run, self.scratch)
        machine.started()
        wait_until(lambda: "web: http" in machine.errors(), 20, "hesper run prints no address.")
        address = Address(re.search(r"web: (http://\S+)", machine.errors()).group(1))
        session = address.session(address.token)
        self.assertEqual((session["title"], session["view_only"]), ("vm", False))
        view = machine.describe()["view_process"]
        self.assertNotIn(address.token, pathlib.Path(f"/proc/{view}/cmdline").read_text())
        os.kill(view, signal.SIGKILL)

        def serves():
            with contextlib.suppress(OSError):
                return address.session(address.token)["title"] == "vm"

        wait_until(lambda: machine.describe()["view_process"] not in (None, view), 10, "It is not started anew.")
        wait_until(serves, 10, "The page is not served again at its address.")

    def test_without(self):
        machine = self.start(Run, self.scratch, "--no-web")
        machine.started()
        self.assertIsNone(machine.describe()["view_process"])
        self.assertNotIn("web:", machine.errors())
