# A stock guest on stock QEMU with hesper gpu as its GPU: console, screens, cursors, resizes, reboots, and the ends of
# each process. What runs in contexts is test_guest_vulkan's.
import contextlib
import json
import os
import signal
import socket
import struct
import time

from guest import Gpu, Machine
from support import HESPER, TestCase, run, tools_present, wait_until

# Of the kernel's console font, VGA 8x16.
GLYPH_H = [0, 0, 0xC6, 0xC6, 0xC6, 0xC6, 0xFE, 0xC6, 0xC6, 0xC6, 0xC6, 0xC6, 0, 0, 0, 0]


def setUpModule():
    tools_present("pngtopnm")


class Guest(TestCase):
    """A guest that has booted, on a device with these options."""

    options = ()

    def setUp(self):
        super().setUp()
        self.gpu = self.start(Gpu, self.scratch, *self.options)
        self.machine = self.start(Machine, self.scratch, self.gpu)
        self.machine.boot()

    def assert_no_trouble(self):
        for word in ("warning:", "error:", "SIGSYS"):
            self.assertNotIn(word, self.gpu.log())

    def write_console(self, text):
        self.machine.run(f"printf '\\033[2J\\033[H{text}' >/dev/tty1")

    def wait_for_picture(self, condition, what, display=0, cursor=False):
        """Linux draws its console a moment later than it is written."""
        last = None

        def fits():
            nonlocal last
            last = self.gpu.screenshot(display, cursor)
            return last is not None and condition(last)

        wait_until(fits, 20, what)
        return last

    def assert_pattern(self, picture, width, height, blue=0x40):
        """What kms shows."""
        self.assertEqual((picture.width, picture.height), (width, height))
        for x, y in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1), (width // 2, height // 3)):
            self.assertEqual(picture.pixel(x, y), (x % 256, y % 256, blue), f"at {x}, {y}")

    def show(self, *arguments):
        self.machine.run(f"kms show {' '.join(map(str, arguments))} >/tmp.shown & echo $! >/tmp.pid")
        self.machine.run("for i in $(seq 100); do grep -q shown /tmp.shown && break; usleep 100000; done; cat /tmp.shown")

    def end_show(self):
        self.machine.run("kill $(cat /tmp.pid)")


class Screens(Guest):
    def test_console_cursor_resize_reboot(self):
        self.assertIn("hesper-gpu: info: The sandbox is strict (", self.gpu.log())
        driver = self.machine.run("dmesg | grep -e virtio_gpu -e '\\[drm\\]'")
        self.assertIn("+edid", driver)
        self.assertIn("+resource_blob", driver)
        for feature in ("+virgl", "+host_visible", "+context_init"):
            self.assertIn(feature, driver)

        self.write_console("HH\\nH")
        picture = self.wait_for_picture(lambda p: p.cell(0, 0) == GLYPH_H, "The console does not show its text.")
        self.assertEqual((picture.width, picture.height), (1280, 800))
        self.assertEqual(picture.cell(1, 0), GLYPH_H)
        self.assertEqual(picture.cell(2, 0), [0] * 16)
        self.assertEqual(picture.cell(0, 1), GLYPH_H)

        with self.subTest("all that the console has"):
            # The kernel's own idea of it, at the same time: what it has logged, and every character there is.
            self.write_console("\\033[?25l")
            self.machine.run("dmesg | tail -n 30 >/dev/tty1")
            self.machine.run("for i in $(seq 33 126); do printf \"\\\\$(printf %03o $i)\"; done >/dev/tty1")
            # The last line without its end: a shell would not print it.
            text = self.machine.run("fold -w 160 /dev/vcs1; echo").split("\n")[:50]
            self.assertTrue(any("virtio_gpu" in line or "[drm]" in line for line in text), text)
            self.assertTrue(any("!\"#$%&'()*+,-./0123456789:;<=>?@ABC" in line for line in text), text)
            picture = self.wait_for_picture(
                lambda p: p.differs_from_text(text, 160) is None, "The console shows not what the kernel has there."
            )
            self.assertIn("looks", picture.differs_from_text([line.replace("?", "@") for line in text], 160))
            self.write_console("\\033[?25hHH\\nH")

        with self.subTest("picture and cursor"):
            self.show(100, 50, 0, 0)
            picture = self.wait_for_picture(lambda p: p.pixel(1, 1) == (1, 1, 0x40), "The program's picture is missing.")
            self.assert_pattern(picture, 1280, 800)
            picture = self.gpu.screenshot(cursor=True)
            self.assertEqual(picture.pixel(107, 58), (107, 58, 0x40))
            self.assertEqual(picture.pixel(108, 58), (255, 255, 255))
            self.assertEqual(picture.pixel(112, 62), (0, 0, 0))
            self.assertEqual(picture.pixel(123, 73), (255, 255, 255))
            self.assertEqual(picture.pixel(124, 74), (124, 74, 0x40))
            self.end_show()

        with self.subTest("resize"):
            self.gpu.set_display(0, "1920x1080@75")
            wait_until(
                lambda: "0 connected 1920x1080 75" in self.machine.run("kms modes"), 20, "The guest sees no other mode."
            )
            self.show(0, 0, 0, 0)
            picture = self.wait_for_picture(lambda p: p.width == 1920, "The guest does not use its new mode.")
            self.assert_pattern(picture, 1920, 1080)
            self.end_show()

        with self.subTest("reboots"):
            for _ in range(5):
                self.machine.qmp("system_reset")
                self.machine.boot()
                self.assertEqual(self.machine.run("kms modes").strip(), "0 connected 1920x1080 75")
                self.write_console("H")
                self.wait_for_picture(lambda p: p.cell(0, 0) == GLYPH_H, "After a reboot the console is missing.")

        with self.subTest("pause"):
            self.machine.qmp("stop")
            self.assertEqual(self.gpu.screenshot().cell(0, 0), GLYPH_H)
            self.machine.qmp("cont")
            self.write_console(" H")
            picture = self.wait_for_picture(lambda p: p.cell(1, 0) == GLYPH_H, "After a pause the console stands still.")
            self.assertEqual(picture.cell(0, 0), [0] * 16)
        self.assertEqual(self.gpu.log().count("after a reset"), 5)
        self.assertEqual(self.gpu.log().count("after a pause"), 1)
        self.assert_no_trouble()


class Displays(Guest):
    options = ("--displays", "3", "--mode", "1024x768", "--mode", "800x600@100", "--mode", "off", "--window", "0")

    def test_two_screens_and_a_third(self):
        self.assertIn("-virgl", self.machine.run("dmesg | grep features"))
        self.assertEqual(
            self.machine.run("kms modes").split("\n")[:3],
            ["0 connected 1024x768 60", "1 connected 800x600 100", "2 disconnected"],
        )
        self.show(-10, -10, 0, 0)
        self.wait_for_picture(lambda p: p.pixel(1, 1) == (1, 1, 0x80), "The second screen shows nothing.", display=1)
        self.assert_pattern(self.gpu.screenshot(0), 1024, 768)
        self.assert_pattern(self.gpu.screenshot(1), 800, 600, blue=0x80)
        self.assertIsNone(self.gpu.screenshot(2))
        self.assertEqual(self.gpu.screenshot(0, cursor=True).pixel(0, 0), (255, 255, 255))
        self.assert_report()
        self.end_show()

        self.assertEqual(self.gpu.display("add", "1440x900"), "2\n")
        self.gpu.display("remove", "0")
        listed = json.loads(self.gpu.display("list", "--json"))
        self.assertEqual([display["connected"] for display in listed], [False, True, True])
        self.assertEqual(listed[1]["mode"], "800x600@100")
        wait_until(
            lambda: self.machine.run("kms modes").split("\n")[:3]
            == ["0 disconnected", "1 connected 800x600 100", "2 connected 1440x900 60"],
            20,
            "The guest does not notice that one screen is gone and another one is there.",
        )
        self.assert_no_trouble()


    def assert_report(self):
        """Of hesper top, after the guest has drawn with its processor. Without contexts Linux draws in blobs."""
        finished = self.gpu.command("top", "--json", "--count", "2", "--interval", "0.2")
        self.assertEqual(finished.status, 0, finished)
        whole, last = map(json.loads, finished.output.splitlines())
        first, second, third = whole["displays"]
        self.assertEqual((first["mode"], second["mode"]), ("1024x768@60", "800x600@100"))
        self.assertEqual(first["shows"], {"width": 1024, "height": 768, "blob": True})
        self.assertIsNone(third["shows"])
        self.assertGreater(first["flushes"], 2)
        self.assertGreater(first["interval_ms"]["p50"], 0)
        self.assertGreaterEqual(first["interval_ms"]["p99"], first["interval_ms"]["p50"])
        self.assertEqual(whole["copies"]["from_guest_memory_per_second"], 0)
        self.assertGreater(whole["copies"]["screenshots_per_second"], 0)
        self.assertGreaterEqual(whole["resources"], 2)
        self.assertEqual(last["displays"][2]["flushes"], 0)
        self.assertAlmostEqual(last["seconds"], 0.2, delta=0.5)


class Ends(Guest):
    def test_next_machine_gets_a_fresh_device(self):
        first = self.gpu.device_process()
        self.show(0, 0, 0, 0)
        self.gpu.set_display(0, "640x480")
        self.machine.close()
        wait_until(lambda: self.gpu.device_processes() not in ([first], []), 10, "There is no new hesper-gpu.")
        self.assertIsNone(self.gpu.screenshot())
        again = self.start(Machine, self.scratch, self.gpu)
        again.boot()
        self.assertEqual(again.run("kms modes").strip(), "0 connected 1280x800 60")
        self.assert_no_trouble()

    def test_killed_device_is_told(self):
        device = self.gpu.device_process()
        os.kill(device, signal.SIGKILL)
        wait_until(lambda: "has lost its GPU for good" in self.gpu.log(), 5, "Nobody says that the device is gone.")
        wait_until(lambda: self.gpu.device_processes() not in ([device], []), 5, "There is no new hesper-gpu.")
        self.machine.run("true")  # the guest runs on

    def test_device_ends_with_hesper(self):
        device = self.gpu.device_process()
        self.gpu.kill()
        wait_until(lambda: not os.path.exists(f"/proc/{device}"), 5, "hesper-gpu outlives hesper.")


class WithoutGuest(TestCase):
    """What becomes of connections and command lines that are wrong. No virtual machine takes part."""

    GET_FEATURES = struct.pack("<III", 1, 1, 0)  # a vhost-user message

    def setUp(self):
        super().setUp()
        self.gpu = self.start(Gpu, self.scratch)

    def connect(self, suffix=""):
        connection = self.start(socket.socket, socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(20)
        connection.connect(f"{self.gpu.socket}{suffix}")
        return connection

    def refused(self, *command):
        finished = run([HESPER, *command], self.scratch.environment())
        self.assertNotEqual(finished.status, 0, finished)
        return finished.errors

    def test_sentences(self):
        self.assertIn("shows nothing", self.refused("screenshot", "--socket", self.gpu.socket))
        self.assertIn("no display 7", self.refused("screenshot", "--socket", self.gpu.socket, "--display", "7"))
        self.assertIn("no display 1", self.refused("display", "--socket", self.gpu.socket, "set", "1", "640x480"))
        self.assertIn("no display mode", self.refused("display", "--socket", self.gpu.socket, "set", "0", "big"))
        self.assertIn("are connected", self.refused("display", "--socket", self.gpu.socket, "add", "640x480"))
        self.assertIn("has a size", self.refused("display", "--socket", self.gpu.socket, "add", "off"))
        self.assertIn("no display 3", self.refused("display", "--socket", self.gpu.socket, "remove", "3"))
        nowhere = self.scratch.path / "nowhere"
        self.assertIn("Is hesper gpu running", self.refused("top", "--socket", nowhere))
        self.assertIn("Is hesper gpu running", self.refused("screenshot", "--socket", nowhere))
        self.assertIn("no display mode", self.refused("gpu", "--socket", nowhere, "--mode", "640"))
        self.assertIn("power of two", self.refused("gpu", "--socket", nowhere, "--window", "3M"))
        # Last, as it tries whether somebody answers there, which costs a hesper-gpu its life.
        self.assertIn("in use", self.refused("gpu", "--socket", self.gpu.socket))

    def test_nonsense_ends_its_own_connection(self):
        first = self.gpu.device_process()
        control = self.connect(".control")
        control.sendall(b"\xff" * 100)
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(control.recv(1), b"")
        self.assertEqual(self.gpu.device_processes(), [first])
        self.connect().sendall(b"\xff" * 100)
        wait_until(lambda: self.gpu.device_processes() not in ([first], []), 10, "There is no new hesper-gpu.")
        self.assertIn("The connection to the virtual machine ends.", self.gpu.log())
        self.assertNotIn("lost its GPU", self.gpu.log())

    def test_second_machine_waits(self):
        first, second = self.connect(), self.connect()
        for connection in (first, second):
            connection.sendall(self.GET_FEATURES)
        self.assertEqual(len(first.recv(100)), 20)
        wait_until(lambda: "Another virtual machine connects" in self.gpu.log(), 10, "Nobody says that one waits.")
        first.close()
        self.assertEqual(len(second.recv(100)), 20)


class Idle(Guest):
    def test_still_screen_costs_nothing(self):
        device = self.gpu.device_process()

        def processor_time():
            with open(f"/proc/{device}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])

        time.sleep(2)  # what the guest still draws after its start
        before = processor_time()
        time.sleep(3)
        self.assertLessEqual(processor_time() - before, 1, "hesper-gpu works although the screen is still.")
        with open(f"/proc/{device}/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        # Without the guest's memory, which is QEMU's.
        own = int(fields["RssAnon"].split()[0]) + int(fields["RssFile"].split()[0])
        self.assertLess(own, 30 * 1024, "hesper-gpu takes more than 30 MB.")
