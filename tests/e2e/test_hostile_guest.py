# A guest and a QEMU that do what none does (tests/guest/hostile.cpp), against hesper gpu in its strict sandbox. Each
# attack checks its answers itself; here, what is left behind.
import os

from guest import Gpu
from support import PROGRAMS, TestCase, run, wait_until


class HostileGuest(TestCase):
    def test_attacks(self):
        gpu = self.start(Gpu, self.scratch, "--spare-workers", "0")
        hostile = PROGRAMS / "guest/hostile"
        listed = run([hostile, "--list"], self.scratch.environment()).output.split()
        self.assertGreater(len(listed), 15)
        descriptors = self.descriptors(gpu)
        finished = run([hostile, gpu.socket], self.scratch.environment(), timeout=200)
        self.assertEqual(finished.status, 0, f"{finished}\n{gpu.log()[-4000:]}")
        self.assertEqual(finished.output.split(), [word for name in listed for word in (name, "ok")])
        # The last guests' processes take a moment to end.
        wait_until(
            lambda: self.descriptors(gpu) <= descriptors, 20, "hesper gpu keeps something of guests that are gone."
        )
        log = gpu.log()
        self.assertNotIn("lost its screens", log, "A hesper-gpu died.")
        self.assertNotIn("The sandbox refuses", log)
        self.assertLess(len(log.splitlines()), 2000, "A guest fills the log.")

    @staticmethod
    def descriptors(gpu):
        return len(os.listdir(f"/proc/{gpu.process.pid}/fd"))
