# Vulkan in a stock guest: Debian's kernel and both Mesa versions on stock QEMU with hesper gpu. What programs compute and
# draw, what they show on the guest's screen, and what is left when workers die and guests reboot.
import hashlib
import os
import re
import signal
import time

from guest import Gpu, VulkanMachine
from support import BACKPORTS, STABLE, TestCase, client, tools_present, wait_until


def setUpModule():
    tools_present("pngtopnm", "vulkaninfo")


class Vulkan(TestCase):
    """A guest with Vulkan that has booted. Without spare workers, so that each worker is some program's."""

    options = ()  # of hesper gpu

    def setUp(self):
        super().setUp()
        self.gpu = self.start(Gpu, self.scratch, "--spare-workers", "0", *self.options)
        self.machine = self.start(VulkanMachine, self.scratch, self.gpu)
        self.machine.boot()

    def workers(self):
        return set(self.gpu.processes("hesper-render"))

    def use(self, mesa):
        self.machine.use(mesa)

    def start_program(self, command):
        """In the background; what it says is in /tmp/said, its status, once it has ended, in /tmp/ended."""
        self.machine.run(f"rm -f /tmp/said /tmp/ended; ({command} >/tmp/said 2>&1; echo $? >/tmp/ended) &")

    def wait_for_end(self, timeout=60):
        wait_until(
            lambda: self.machine.run("[ ! -s /tmp/ended ] || echo yes").strip() == "yes",
            timeout,
            f"The guest's program does not end: {self.machine.run('cat /tmp/said')}",
        )
        return int(self.machine.run("cat /tmp/ended"))

    def show(self, frames):
        """Frames that scanout shows; it stays. Its last picture is on the screen."""
        self.machine.run(f"scanout {frames} >/tmp/shown 2>&1 & echo $! >/tmp/scanout.pid")
        self.machine.run(
            "for i in $(seq 600); do grep -q shown /tmp/shown && break; kill -0 $(cat /tmp/scanout.pid) || break;"
            " usleep 100000; done; grep shown /tmp/shown || (cat /tmp/shown; false)",
            timeout=120,
        )

    def assert_shows(self, frame):
        """The screen shows what scanout draws as its frame of this number."""
        picture = self.gpu.screenshot()
        self.assertEqual((picture.width, picture.height), (1280, 800))
        for y, colour in ((0, (frame, frame, frame ^ 0x40)), (399, (frame, frame, frame ^ 0x40)),
                          (400, (0x40, 0, frame)), (799, (0x40, 0, frame))):  # fmt: skip
            for x in (0, 640, 1279):
                self.assertEqual(picture.pixel(x, y), colour, f"at {x}, {y}")


class Programs(Vulkan):
    """The guest's Mesa allocates memory, and makes a blob for it when the program maps it."""

    order = "memory first"
    compilers = "--threads 4"

    def test_results_and_pictures_are_the_hosts(self):
        native = self.scratch.path / "native.png"
        self.native(client("scene"), "--output", native)
        digest = hashlib.sha256(native.read_bytes()).hexdigest()
        versions = []
        for mesa in (STABLE, BACKPORTS):
            with self.subTest(mesa=mesa):
                self.use(mesa)
                summary = self.machine.run("vulkaninfo --summary")
                self.assertIn("Virtio-GPU Venus (llvmpipe", summary)
                self.assertIn("DRIVER_ID_MESA_VENUS", summary)
                versions += re.findall(r"driverInfo +=(.*)", summary)
                self.machine.run("compute", timeout=120)
                self.machine.run("sync", timeout=120)
                self.machine.run(f"compilers {self.compilers} --pipelines 3", timeout=120)
                self.machine.run("scene --output /tmp/scene.png", timeout=120)
                self.assertEqual(self.machine.run("sha256sum /tmp/scene.png").split()[0], digest)
        self.assertEqual(len(set(versions)), 2, versions)
        with self.subTest("on the screen"):
            self.show(60)
            self.assert_shows(60)
            self.machine.run("kill $(cat /tmp/scanout.pid)")
        wait_until(lambda: not self.workers(), 20, "Workers outlive their programs.")
        for word in ("warning:", "error:", "SIGSYS"):
            self.assertNotIn(word, self.gpu.log())
        self.assertIn(f"The guest's Mesa makes {self.order}.", self.gpu.log())


class LargerSteps(Programs):
    """As on a host with pages of 16 KiB; the guest's have 4 KiB. There its Mesa makes the blob first."""

    options = ("--import-granularity", "16384")
    order = "blobs first"
    compilers = "--threads 1 --apart"  # of several, Mesa can wait for itself


class WaitsForItself(Vulkan):
    """What Mesa does where blobs come first, several threads compile, and Hesper is told to let them."""

    options = (*LargerSteps.options, "--inline-shaders")

    def test_a_program_that_waits_for_itself_is_told_of(self):
        self.use(BACKPORTS)
        self.start_program("compilers --threads 8")
        wait_until(lambda: "Mesa seems to wait for itself" in self.gpu.log(), 60, "Nothing is said of a program that hangs.")
        self.machine.run("killall -9 compilers; vulkaninfo --summary")
        wait_until(lambda: not self.workers(), 20, "Workers outlive their programs.")


class Losses(Vulkan):
    def test_worker_pause_reset_and_end(self):
        self.use(BACKPORTS)
        self.show(5)
        neighbours = self.workers()
        self.assertTrue(neighbours)

        with self.subTest("a worker is killed"):
            self.start_program("/bin/wait --in fence")  # not the shell's own
            wait_until(lambda: len(self.workers() - neighbours) == len(neighbours), 60, "The program has no worker.")
            time.sleep(1)  # until it waits
            for worker in self.workers() - neighbours:
                os.kill(worker, signal.SIGKILL)
            self.assertNotEqual(self.wait_for_end(), 0)
            self.assertIn("(wait), process", self.gpu.log())
            self.assertEqual(self.workers(), neighbours)
            self.machine.run("kill -0 $(cat /tmp/scanout.pid)")
            self.machine.run("compute", timeout=120)
            self.assert_shows(5)

        with self.subTest("a pause of much more than the 3 s after which a ring counts as dead"):
            self.start_program("latency")
            time.sleep(1)
            self.machine.qmp("stop")
            time.sleep(30)
            self.machine.qmp("cont")
            self.assertEqual(self.wait_for_end(), 0, self.machine.run("cat /tmp/said"))

        with self.subTest("a reset"):
            before = self.workers()
            self.machine.qmp("system_reset")
            self.machine.boot()
            wait_until(lambda: not self.workers() & before, 20, "Workers outlive the guest that they worked for.")
            self.use(STABLE)
            self.machine.run("compute", timeout=120)
            self.show(3)
            self.assert_shows(3)

        self.machine.close()
        wait_until(lambda: not self.workers(), 20, "Workers outlive the virtual machine.")
