# hesper-view and the feed of frames: what a subscriber is told is what the guest shows, wherever its pictures lie; and
# that it dies is nobody's business but its own.
import json
import os
import signal

from guest import Gpu, Machine, VulkanMachine
from machines import Run, descendants, hesper
from support import BACKPORTS, TestCase, tools_present, wait_until
from test_run import Base
from view import View, frames, lines, wait_for_screen


def setUpModule():
    tools_present("pngtopnm")


class Viewed(TestCase):
    options = ()
    machine_class = Machine

    def setUp(self):
        super().setUp()
        self.gpu = self.start(Gpu, self.scratch, *self.options)
        self.view = self.start(View, self.scratch, self.gpu.socket)
        self.machine = self.start(self.machine_class, self.scratch, self.gpu)
        self.machine.boot()

    def write_console(self, text):
        self.machine.run(f"printf '\\033[2J\\033[H{text}' >/dev/tty1")

    def wait_for_screen(self, display=0):
        return wait_for_screen(self.view.path, lambda: self.gpu.screenshot(display), display)


class Images(Viewed):
    """With contexts, Linux draws its console in 2D resources."""

    def newest_cursor(self):
        cursors = [line["cursor"] for line in lines(self.view.path) if "cursor" in line]
        return cursors[-1] if cursors else None

    def test_shared_once_and_kept_up_to_date(self):
        self.write_console("HELLO")
        self.assertEqual(self.wait_for_screen()["copies"], "transfer")
        late = self.start(View, self.scratch, self.gpu.socket)
        self.write_console("again")
        self.wait_for_screen()
        frame = wait_for_screen(late.path, self.gpu.screenshot)
        self.assertGreaterEqual(frame["published"], frame["flushed"])
        self.assertEqual(frames(late.path)[0]["damage"], [[0, 0, 1280, 800]])

        with self.subTest("stalled"):
            os.kill(late.process.pid, signal.SIGSTOP)
            late_before = len(frames(late.path))
            for number in range(10):
                self.write_console(f"number {number}")
                self.wait_for_screen()
            os.kill(late.process.pid, signal.SIGCONT)
            wait_for_screen(late.path, self.gpu.screenshot)
            # What it had asked for before, and one of all that happened since.
            self.assertLessEqual(len(frames(late.path)) - late_before, 4)

        with self.subTest("resize"):
            self.gpu.set_display(0, "800x600")
            wait_until(lambda: "0 connected 800x600" in self.machine.run("kms modes"), 20, "The guest has its old mode.")
            self.machine.run("kms show 100 50 0 0 >/tmp.shown & echo $! >/tmp.pid")
            frame = self.wait_for_screen()
            self.assertEqual((frame["width"], frame["height"]), (800, 600))
            infos = [line["info"] for line in lines(self.view.path) if line["display"] == 0 and "info" in line]
            self.assertEqual((infos[-1]["width"], infos[-1]["height"]), (800, 600))
            shown = {"shown": True, "x": 100, "y": 50}  # told on a queue of its own, perhaps later
            wait_until(lambda: self.newest_cursor() == shown, 20, "The cursor is not told.")

        with self.subTest("killed"):
            os.kill(late.process.pid, signal.SIGKILL)
            self.machine.run("kill $(cat /tmp.pid)")
            self.write_console("without the late one")
            self.wait_for_screen()

        with self.subTest("reset"):
            before = frames(self.view.path)[-1]["serial"]
            self.machine.qmp("system_reset")
            self.machine.boot()
            self.assertTrue(any(line.get("blank") for line in lines(self.view.path)))
            self.write_console("HELLO")
            self.assertGreater(self.wait_for_screen()["serial"], before)

        with self.subTest("end"):
            self.machine.close()
            self.assertEqual(self.view.process.wait(timeout=10), 0)
            self.assertTrue(lines(self.view.path)[-1].get("ended"))
        self.assertNotIn("error", self.view.log())


class GuestBlobs(Viewed):
    """Without contexts Linux draws in blobs of its own memory. On two displays."""

    options = ("--displays", "2", "--mode", "1024x768", "--mode", "800x600", "--window", "0")

    def test_two_displays_are_gathered(self):
        self.machine.run("kms show 0 0 0 0 >/tmp.shown & echo $! >/tmp.pid")
        wait_until(lambda: frames(self.view.path, 1), 20, "The second display shows nothing.")
        for display in range(2):
            self.assertEqual(self.wait_for_screen(display)["copies"], "gathered")
        self.assertNotIn("error", self.view.log() + self.gpu.log())


class HostBlobs(Viewed):
    """A picture that Vulkan draws, shown from the very memory."""

    machine_class = VulkanMachine

    def test_not_copied(self):
        self.machine.use(BACKPORTS)
        self.machine.run("scanout 30 >/tmp/shown 2>&1 & echo $! >/tmp/scanout.pid")
        self.machine.run("for i in $(seq 600); do grep -q shown /tmp/shown && break; usleep 100000; done")
        frame = self.wait_for_screen()
        self.assertEqual(frame["copies"], "none")
        self.assertNotIn("error", self.view.log())


class Restart(Base):
    def test_killed_view_comes_back_and_the_guest_does_not_notice(self):
        trace = self.scratch.path / "trace"
        machine = self.start(Run, self.scratch, "--trace", trace)
        machine.boot()
        processes = machine.started()
        first = machine.describe()["view_process"]
        self.assertIn(first, processes)
        machine.run("echo before >/dev/tty1")
        wait_until(lambda: frames(trace), 20, "There is no frame.")
        state = (machine.folder / "view-state").read_text()
        self.assertEqual((machine.folder / "view-state").stat().st_mode & 0o777, 0o600)

        os.kill(first, signal.SIGKILL)
        wait_until(lambda: machine.describe()["view_process"] not in (None, first), 10, "It is not started anew.")
        self.assertIn("The guest does not notice.", machine.errors())
        count = len(frames(trace))
        machine.run("echo after >/dev/tty1")
        wait_until(lambda: len(frames(trace)) > count, 20, "The new one tells of no frame.")
        self.assertEqual((machine.folder / "view-state").read_text(), state)

        with self.subTest("top"):
            finished = self.expect_success(hesper(self.scratch, "top", "--json", "--count", "1"))
            report = json.loads(finished.output)
            self.assertEqual(report["view"]["process"], machine.describe()["view_process"])
            (output,) = report["view"]["outputs"]
            self.assertEqual((output["name"], output["display"]), (f"trace {trace}", 0))
            self.assertGreater(output["frames"], 0)
            self.assertGreater(output["stages_ms"]["taken"]["p50"], 0)
            self.assertEqual(report["feed"]["subscribers"], 1)
            self.assertGreater(report["feed"]["flush_to_published_ms"]["p99"], 0)
            text = self.expect_success(hesper(self.scratch, "top", "--count", "1")).output
            self.assertRegex(text, rf"trace {trace}, display 0: .* frames/s, .*\n"
                                   r" +copies a frame: 1.00 by the guest's transfers, .*\n +stage, ms +p50")  # fmt: skip

        processes |= descendants(machine.process.pid)
        machine.type("poweroff -f\n")
        self.assertEqual(machine.wait(), 0, machine.errors())
        self.assert_nothing_left(processes)
