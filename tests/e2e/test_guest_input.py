# What viewers type and point, in a stock guest on stock QEMU: keys, lights, pointers, fingers; and what is let go when
# a viewer dies or the guest starts anew. The guest's own kernel says what came (tests/guest/events.cpp).
import re
import subprocess

from guest import Gpu, InputMachine
from machines import Run, hesper
from support import HESPER, TestCase, wait_until

EV_SYN, EV_KEY, EV_REL, EV_ABS = 0, 1, 2, 3
KEYBOARD, TABLET, MOUSE, TOUCH = "Hesper Keyboard", "Hesper Tablet", "Hesper Mouse", "Hesper Touchscreen"


class Viewer:
    """hesper input, which keeps what it holds until it ends."""

    def __init__(self, scratch, gpu):
        self.process = subprocess.Popen(
            [HESPER, "input", "--socket", gpu.socket],
            env=scratch.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, *lines):
        """Returns when hesper-gpu has them."""
        self.process.stdin.write("".join(f"{line}\n" for line in (*lines, "leds")))
        self.process.stdin.flush()
        return self.process.stdout.readline().split()[1:]

    def kill(self):
        self.process.kill()
        self.close()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Guest(TestCase):
    def setUp(self):
        super().setUp()
        self.gpu = self.start(Gpu, self.scratch, "--displays", "2", "--mode", "1280x800", "--mode", "off")
        self.machine = self.start(InputMachine, self.scratch, self.gpu)
        self.machine.boot()
        self.viewer = self.start(Viewer, self.scratch, self.gpu)
        self.watch()

    def watch(self):
        """From now on, events are kept."""
        self.machine.run("[ ! -e /pid ] || kill $(cat /pid); events >/events & echo $! >/pid")
        self.machine.run("until grep -q watching /events; do usleep 20000; done")
        self.seen = 0

    def events(self, device, count):
        """The next `count` events of a device that are no ends of frames, as (type, code, value)."""
        last = []

        def come():
            nonlocal last
            text = self.machine.run("cat /events")
            lines = re.findall(rf"(?m)^{device}: (\d+) (\d+) (-?\d+)$", text[self.seen :])
            last = [tuple(map(int, line)) for line in lines if line[0] != str(EV_SYN)]
            if len(last) < count:
                return False
            self.seen = len(text)
            return True

        try:
            wait_until(come, 20, "")
        except AssertionError:
            self.fail(f"{device} has sent {last} instead of {count} events.")
        return last

    def assert_nothing_down(self):
        down = self.machine.run("events down")
        self.assertEqual(len(re.findall(r"(?m)down$", down)), 4, down)


class Devices(Guest):
    def test_keys_pointers_and_fingers(self):
        with self.subTest("the guest knows what they are"):
            described = self.machine.run("events describe")
            self.assertIn(f"{KEYBOARD}\n  serial keyboard\n  id 0006:1af4:4801:0001\n", described)
            self.assertIn("  leds 0 1 2\n", described)
            self.assertIn("  range 57: 0 to 65535\n", described)

        with self.subTest("typed text is on the console"):
            self.machine.run("cat </dev/tty1 >/typed & echo $! >/cat")
            self.viewer.do("type Hello, World: 'a+b=\\\\{c}|~'\\n")
            wait_until(lambda: "\n" in self.machine.run("cat /typed"), 20, "No line comes.")
            self.assertEqual(self.machine.run("cat /typed"), "Hello, World: 'a+b=\\{c}|~'\n")
            self.machine.run("kill $(cat /cat)")

        with self.subTest("caps lock lights up at the viewer"):
            self.viewer.do("key caps-lock")
            wait_until(lambda: self.viewer.do() == ["caps-lock"], 20, "No light comes.")
            another = self.start(Viewer, self.scratch, self.gpu)
            self.assertEqual(another.do(), ["caps-lock"])
            another.do("key caps-lock")
            wait_until(lambda: self.viewer.do() == [], 20, "The light stays on.")

        with self.subTest("the pointer is where the viewer points, to the pixel"):
            for width, height in ((1280, 800), (1920, 1080), (801, 601)):
                self.gpu.set_display(0, f"{width}x{height}")
                self.watch()
                for x, y in ((0, 0), (width - 1, height - 1), (width // 2, height // 3), (333, 7)):
                    self.viewer.do(f"move {x} {y}", "click")
                    moved = {code: value for kind, code, value in self.events(TABLET, 4) if kind == EV_ABS}
                    self.assertEqual((moved[0] * width // 65536, moved[1] * height // 65536), (x, y))

        with self.subTest("a second display is right of the first"):
            self.gpu.set_display(0, "1280x800")
            self.gpu.set_display(1, "1000x600")
            self.watch()
            self.viewer.do("move 100 599 1", "click")
            moved = {code: value for kind, code, value in self.events(TABLET, 4) if kind == EV_ABS}
            self.assertEqual((moved[0] * 2280 // 65536, moved[1] * 800 // 65536), (1380, 599))
            self.gpu.set_display(1, "off")

        with self.subTest("steps, buttons and wheels"):
            self.watch()
            self.viewer.do("by 5 -7", "click right", "scroll 1 -0.5")
            self.assertEqual(
                self.events(MOUSE, 7),
                [(EV_REL, 0, 5), (EV_REL, 1, -7), (EV_KEY, 0x111, 1), (EV_KEY, 0x111, 0), (EV_REL, 8, 1), (EV_REL, 11, 120),
                 (EV_REL, 12, -60)],
            )  # fmt: skip

        with self.subTest("two fingers"):
            self.watch()
            self.viewer.do("touch 0 0 0", "touch 1 640 400", "lift 0", "lift 1")
            events = self.events(TOUCH, 16)
            slots = [(code, value) for kind, code, value in events if kind == EV_ABS and code in (0x2F, 0x39)]
            # The kernel leaves out a slot that it has been told already, the first time 0.
            self.assertEqual(slots, [(0x39, 0), (0x2F, 1), (0x39, 1), (0x2F, 0), (0x39, -1), (0x2F, 1), (0x39, -1)])
            self.assertEqual([value for kind, code, value in events if kind == EV_KEY], [1, 0])
        self.assert_nothing_down()

    def test_what_is_down_is_let_go(self):
        with self.subTest("when the viewer is killed"):
            other = self.start(Viewer, self.scratch, self.gpu)
            self.viewer.do("down a", "down b", "down button-left", "touch 2 5 5")
            other.do("down b")
            self.assertEqual(self.events(KEYBOARD, 2), [(EV_KEY, 30, 1), (EV_KEY, 48, 1)])
            self.viewer.kill()
            self.assertEqual(self.events(KEYBOARD, 1), [(EV_KEY, 30, 0)])
            wait_until(lambda: self.machine.run("events down").count(" 272") == 0, 20, "The button is down.")
            self.assertIn(f"{KEYBOARD}  down 48\n", self.machine.run("events down"))
            other.kill()
            wait_until(lambda: "down 48" not in self.machine.run("events down"), 20, "The key is down.")
            self.assert_nothing_down()

        with self.subTest("a guest that is paused gets it later"):
            viewer = self.start(Viewer, self.scratch, self.gpu)
            self.watch()
            self.machine.qmp("stop")
            viewer.do("down c")
            self.machine.qmp("cont")
            self.assertEqual(self.events(KEYBOARD, 1), [(EV_KEY, 46, 1)])

        with self.subTest("more than there is room for"):
            self.machine.qmp("stop")
            viewer.do("down d", *["key e"] * 3000, "up c", "move 17 18")
            self.machine.qmp("cont")
            wait_until(lambda: f"{KEYBOARD}  down 32\n" in self.machine.run("events down"), 20, "Keys are down.")

        with self.subTest("a reset"):
            self.machine.qmp("system_reset")
            self.machine.boot()
            self.watch()
            self.assert_nothing_down()
            viewer.do("up d", "key f")
            self.assertEqual(self.events(KEYBOARD, 2), [(EV_KEY, 33, 1), (EV_KEY, 33, 0)])
        self.assertNotIn("error:", self.gpu.log())

    def test_a_device_can_be_unplugged_and_plugged_in_again(self):
        self.viewer.do("down a")
        self.machine.run("modprobe -r virtio_input 2>/dev/null || rmmod virtio_input")
        self.machine.run("insmod /modules/virtio_input.ko")
        self.watch()
        self.assert_nothing_down()
        self.viewer.do("key b")
        self.assertEqual(self.events(KEYBOARD, 2), [(EV_KEY, 48, 1), (EV_KEY, 48, 0)])


class Launcher(TestCase):
    """Guests of hesper run; those that have no driver for our devices get what is typed by QEMU's own."""

    def type(self, machine, text):
        """What is typed is on the guest's console."""
        machine.run("cat </dev/tty1 >/typed & echo $! >/cat")
        typed = hesper(self.scratch, "input", machine.name, "-e", f"type {text}\\n")
        self.assertEqual(typed.status, 0, typed)
        wait_until(lambda: "\n" in machine.run("cat /typed"), 20, "No line comes.")
        self.assertEqual(machine.run("cat /typed"), f"{text}\n")
        machine.run("kill $(cat /cat)")

    def test_hesper_run_has_them(self):
        machine = self.start(Run, self.scratch, "--cpus", "1", name="typed")
        machine.boot()
        with self.subTest("by our keyboard"):
            self.type(machine, "To virtio: (1+2)=3")
        with self.subTest("by the board's, as firmware would"):
            machine.run("rmmod virtio_input")
            self.type(machine, "To PS/2: {A} ~ \"B\"")
        with self.subTest("by ours again"):
            machine.run("insmod /modules/virtio_input.ko")
            self.type(machine, "back again")
        with self.subTest("what cannot be understood"):
            bad = hesper(self.scratch, "input", "typed", "-e", "jump")
            self.assertEqual((bad.status, "cannot be understood" in bad.errors), (1, True), bad)

    def test_qemus_own_devices(self):
        machine = self.start(Run, self.scratch, "--cpus", "1", "--input", "qemu", name="typed")
        machine.boot()
        self.assertIn("QEMU Virtio Keyboard", machine.run("cat /proc/bus/input/devices"))
        self.assertNotIn("Hesper", machine.run("cat /proc/bus/input/devices"))
        self.type(machine, "by QEMU: <3>")
