# hesper view --vnc at the synthetic source: Debian's TigerVNC on a screen without a screen shows the guest's pixels and
# types into the guest; and viewers that stall, lie or know no password.
import base64
import contextlib
import math
import socket
import struct
import subprocess
import time

import numpy
import rfb
from browser import Browser, read_png
from desktop import Desktop, background
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from support import HESPER, TestCase, end_group, run, tools_present, wait_until
from synthetic import Synthetic, View

EV_KEY, EV_ABS = 1, 3


def setUpModule():
    tools_present("Xvfb", "xtigervncviewer", "xdotool", "xwd", "openssl", "chromium", "chromedriver", "websockify")


class TigerVnc:
    """Its window is as large as the picture, at the top left."""

    def __init__(self, scratch, desktop, address, *options, **variables):
        self._log_path = scratch.path / "tigervnc.log"
        self._log = open(self._log_path, "a")
        host, _, port = address.rpartition(":")
        self.process = subprocess.Popen(
            ["xtigervncviewer", "-NoJPEG=1", "-RemoteResize=0", "-AlertOnFatalError=0", "-ReconnectOnError=0", *options,
             f"{host}::{port}"],
            env=desktop.environment(HOME=str(scratch.path), **variables), stdin=subprocess.DEVNULL, stdout=self._log,
            stderr=self._log, start_new_session=True,
        )  # fmt: skip

    def log(self):
        return self._log_path.read_text(errors="replace")

    def close(self):
        end_group(self.process)
        self._log.close()


class Base(TestCase):
    source = ("--content", "still", "--mode", "640x480")

    def setUp(self):
        super().setUp()
        self.source = self.start(Synthetic, self.scratch, *self.source)

    def serve(self, *options):
        """hesper view --vnc at a free port; the address."""
        self.view = self.start(View, self.scratch, self.source.socket, "--vnc", "127.0.0.1:0", *options)
        return self.view.says(r"vnc: (\S+)").group(1).rstrip(",")


class Viewers(Base):
    def show(self, *options, **variables):
        desktop = self.start(Desktop, self.scratch)
        viewer = self.start(TigerVnc, self.scratch, desktop, *options, **variables)
        return desktop, viewer

    def wait_for_picture(self, desktop, viewer, size=(640, 480)):
        """Pixel by pixel, somewhere on the screen."""
        want = background(*size)
        rows = [want[3 * size[0] * y : 3 * size[0] * (y + 1)] for y in range(size[1])]

        def same():
            width, height, pixels = desktop.picture()
            stride = 3 * width
            at = pixels.find(rows[0])
            while at >= 0:
                if all(pixels[at + stride * y : at + stride * y + len(row)] == row for y, row in enumerate(rows)):
                    self.place = at % stride // 3, at // stride
                    return True
                at = pixels.find(rows[0], at + 1)
            return False

        wait_until(same, 20, f"TigerVNC does not show the guest's picture: {viewer.log()}")

    def test_picture_keys_and_pointer(self):
        address = self.serve()
        for encoding in ("Tight", "ZRLE", "Raw"):
            with self.subTest(encoding):
                desktop, viewer = self.show(address, f"-PreferredEncoding={encoding}", "-AutoSelect=0")
                self.wait_for_picture(desktop, viewer)
                viewer.close()
        desktop, viewer = self.show(address)
        self.wait_for_picture(desktop, viewer)
        left, top = self.place
        desktop.do("mousemove", left + 100, top + 50, "windowfocus", desktop.wait_for_windows("TigerVNC")[0])
        before = len(self.source.events())
        desktop.do("key", "a", "shift+b", "Return", "Up")
        desktop.do("click", "1", "click", "4")
        keys = [(1, 30, 1), (1, 30, 0), (1, 42, 1), (1, 48, 1), (1, 48, 0), (1, 42, 0), (1, 28, 1), (1, 28, 0), (1, 103, 1),
                (1, 103, 0)]  # fmt: skip

        def typed():
            return [event[1:] for event in self.source.events("keyboard")]

        wait_until(lambda: len(typed()) >= len(keys), 20, f"Not all keys arrive: {typed()}")
        self.assertEqual(sorted(typed()), sorted(keys))
        self.assertEqual(typed()[:2], keys[:2])
        wait_until(lambda: ("tablet", 2, 11, 120) in self.source.events(), 20, "The wheel does not arrive.")
        pointer = self.source.events("tablet")[: len(self.source.events()) - before]
        self.assertIn(("tablet", 1, 272, 1), pointer)
        self.assertIn(("tablet", 1, 272, 0), pointer)
        x = [value for _, kind, code, value in pointer if (kind, code) == (3, 0)][-1]
        y = [value for _, kind, code, value in pointer if (kind, code) == (3, 1)][-1]
        self.assertEqual((x * 640 // 65536, y * 480 // 65536), (100, 50))

    def test_the_guest_follows_the_viewer_and_the_viewer_the_guest(self):
        address = self.serve()
        desktop, viewer = self.show(address, "-RemoteResize=1", "-DesktopSize=500x400")
        wait_until(lambda: {"display": 0, "width": 500, "height": 400} in self.source.lines(), 20,
                   f"The guest is not asked: {viewer.log()}")  # fmt: skip
        self.wait_for_picture(desktop, viewer, (500, 400))

    def test_password_and_tls(self):
        password = self.scratch.path / "password"
        password.write_text("a secret\n")
        key, certificate = self.scratch.path / "key.pem", self.scratch.path / "cert.pem"
        made = run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                   self.scratch.environment())  # fmt: skip
        self.expect_success(made)
        with self.subTest("password"):
            address = self.serve("--vnc-password-file", password)
            self.wait_for_picture(*self.show(address, VNC_PASSWORD="a secret"))
            desktop, viewer = self.show(address, VNC_PASSWORD="another")
            wait_until(lambda: "password is wrong" in viewer.log(), 20, f"A wrong password is taken: {viewer.log()}")
        with self.subTest("TLS"):
            address = self.serve("--vnc-password-file", password, "--vnc-tls-cert", certificate, "--vnc-tls-key", key)
            for kind in ("X509Vnc", "X509Plain"):
                desktop, viewer = self.show(address, f"-SecurityTypes={kind}", f"-X509CA={certificate}",
                                            VNC_PASSWORD="a secret", VNC_USERNAME="somebody")  # fmt: skip
                self.wait_for_picture(desktop, viewer)
            desktop, viewer = self.show(address, "-SecurityTypes=VncAuth", VNC_PASSWORD="a secret")
            wait_until(lambda: viewer.process.poll() is not None, 20, "It is let in without TLS.")


class Protocol(Base):
    source = ("--content", "counter", "--mode", "640x480", "--mode", "320x200", "--rate", "30")

    def test_raw_pixels_are_exact_and_each_display_has_a_port(self):
        self.serve()
        addresses = self.view.says(r"vnc: (\S+), (\S+)").groups()
        for address, size in zip(addresses, ((640, 480), (320, 200))):
            viewer = self.start(rfb.Viewer, address)
            self.assertEqual((viewer.width, viewer.height), size)
            viewer.ask(incremental=False)
            viewer.update()
            width, height = size
            # Without the counter in the corner.
            got, want = viewer.rgb(), background(width, height)
            for y in range(height):
                start = 128 if y < 64 else 0
                row = slice(3 * (width * y + start), 3 * width * (y + 1))
                self.assertEqual(got[row], want[row], f"row {y}")
            viewer.ask()
            viewer.update()
            self.assertNotEqual(viewer.rgb(), got)

    def test_a_stalled_viewer_costs_nothing_and_delays_nobody(self):
        self.source.order("content video")
        address = self.serve("--vnc-display", "0")
        stalled = [self.start(rfb.Viewer, address) for _ in range(3)]
        for viewer in stalled:
            for _ in range(100):
                viewer.ask(incremental=False)
        good = self.start(rfb.Viewer, address)

        def frames(count):
            begin = time.monotonic()
            for _ in range(count):
                good.ask()
                good.update()
            return time.monotonic() - begin

        frames(30)
        before = self.view.memory()
        self.assertLess(frames(150), 30)
        self.assertLess(self.view.memory() - before, 4 * 1024 * 1024)
        # One that goes on gets what it had asked for, and then the newest.
        stalled[0].update()
        stalled[0].ask()
        stalled[0].update()

    def test_what_viewers_may_not_say_ends_only_them(self):
        address = self.serve("--vnc-display", "0")
        good = self.start(rfb.Viewer, address)
        nonsense = {
            "a message that does not exist": b"\x99",
            "a key code beyond all tables": None,
            "an area outside of the picture": struct.pack(">BBHHHH", 3, 0, 0, 60000, 640, 5000),
            "300 encodings": struct.pack(">BxH", 2, 300) + struct.pack(">i", -308) * 300,
            "255 screens": struct.pack(">BxHHBx", 251, 100, 100, 255) + bytes(16 * 255),
            "no colours": struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1, 0, 0, 0, 0, 0, 0),
            "clipboard of 2 GB": struct.pack(">B3xI", 6, 0x7FFFFFFF),
            "half a message": b"\x02\x00\x00",
        }
        nonsense["a key code beyond all tables"] = struct.pack(">BBHII", 255, 0, 1, 0, 0x7FFFFFFF)
        for name, message in nonsense.items():
            with self.subTest(name):
                bad = self.start(rfb.Viewer, address)
                bad.socket.sendall(message)
                good.ask(incremental=False)
                good.update()
        for _ in range(200):
            self.start(rfb.Viewer, address).close()
        good.ask(incremental=False)
        good.update()
        self.assertIsNone(self.view.process.poll())

    def test_many_viewers_are_bounded(self):
        address = self.serve("--vnc-display", "0")
        viewers = [self.start(rfb.Viewer, address) for _ in range(16)]
        with self.assertRaises((EOFError, ConnectionError)):
            self.start(rfb.Viewer, address)
        viewers[0].close()
        wait_until(lambda: self.comes_in(address), 10, "The place of one that has left stays taken.")
        self.assertEqual(self.view.log().count("turned away"), 1)

    def comes_in(self, address):
        try:
            self.start(rfb.Viewer, address)
            return True
        except (EOFError, ConnectionError):
            return False


class NoVnc(Base):
    """Debian's noVNC and websockify in front, as for any VNC server."""

    def start_websockify(self, address):
        """At a port that is free; that port."""
        for _ in range(5):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            log = open(self.scratch.path / f"websockify-{port}.log", "w+")
            self.addCleanup(log.close)
            process = subprocess.Popen(
                ["websockify", "--web", "/usr/share/novnc", f"127.0.0.1:{port}", address], env=self.scratch.environment(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
            self.addCleanup(end_group, process)

            def answers():
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=20):
                    return True
                return process.poll() is not None

            wait_until(answers, 30, "websockify does not listen.")
            if process.poll() is None:
                return port
        self.fail("websockify does not start.")

    def wait_for_event(self, *event):
        wait_until(lambda: event in self.source.events(), 20, f"{event} does not arrive.")

    def test_picture_key_and_pointer(self):
        port = self.start_websockify(self.serve())
        browser = self.start(Browser, self.scratch, f"http://127.0.0.1:{port}/vnc.html?autoconnect=1&resize=off&quality=9&path=websockify")
        want = numpy.frombuffer(background(640, 480), numpy.uint8).reshape(480, 640, 3).astype(int)
        canvas = "document.querySelector('#noVNC_container canvas')"

        def shows():
            data = browser.run(f"const canvas = {canvas}; return canvas && canvas.width === 640 ? canvas.toDataURL() : null")
            if not data:
                return False
            width, height, pixels = read_png(base64.b64decode(data.partition(",")[2]))
            # JPEG of the best quality.
            return (width, height) == (640, 480) and numpy.abs(pixels.astype(int) - want).mean() < 3

        wait_until(shows, 40, "noVNC does not show the guest's picture.")
        said = "document.getElementById('noVNC_status').classList.contains('noVNC_open')"
        wait_until(lambda: not browser.run(f"return {said}"), 30, "noVNC's message stays before the picture.")
        left, top = browser.run(f"const box = {canvas}.getBoundingClientRect(); return [box.left, box.top]")
        actions = ActionBuilder(browser.driver)
        actions.pointer_action.move_to_location(math.ceil(left) + 300, math.ceil(top) + 400).click()
        actions.perform()
        for pressed in (1, 0):
            self.wait_for_event("tablet", EV_KEY, 0x110, pressed)
        # Steps of their own: actions of keyboard and pointer would be one beside the other, and the click moves the focus.
        for pressed, action in ((1, "key_down"), (0, "key_up")):
            actions = ActionBuilder(browser.driver)
            getattr(actions.key_action, action)("a")
            actions.perform()
            self.wait_for_event("keyboard", EV_KEY, 30, pressed)
        places = {code: value for _, kind, code, value in self.source.events("tablet") if kind == EV_ABS}
        self.assertEqual((places[0] * 640 // 65536, places[1] * 480 // 65536), (300, 400))


class Sentences(TestCase):
    def test_what_cannot_be_used(self):
        source = self.start(Synthetic, self.scratch)
        for options, sentence in (
            (("--vnc", "0.0.0.0:0"), "--vnc-allow-remote"),
            (("--vnc", "127.0.0.1:x"), "the port is not a number"),
            (("--vnc", "--vnc-password-file", "/nowhere"), "no password in its first line"),
            (("--vnc", "--vnc-tls-cert", "/nowhere"), "both a certificate and its key"),
            (("--vnc-view-only",), "--vnc"),
        ):
            command = [HESPER, "view", "--socket", source.socket, *options]
            finished = run(command, self.scratch.environment(), 20)
            self.assertNotEqual(finished.status, 0, options)
            self.assertIn(sentence, finished.errors)


class Idle(Base):
    def test_a_still_screen_takes_no_processor_time(self):
        address = self.serve()
        viewer = self.start(rfb.Viewer, address)
        viewer.ask(incremental=False)
        viewer.update()
        viewer.ask()
        time.sleep(0.5)
        before = self.view.processor_time()
        time.sleep(3)
        # The clock has ticks of 10 ms.
        self.assertLess(self.view.processor_time() - before, 0.015)
