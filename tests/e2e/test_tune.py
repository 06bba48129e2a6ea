# hesper tune: what it says of this host and of described ones; threads of a machine that are placed and given back. The
# guest need not boot for that, and which processors there are is the host's affair.
import json
import os
import pathlib

from machines import Run, descendants, hesper
from support import TestCase

HOSTS = pathlib.Path(__file__).parent.parent / "hosts"


def masks(machine):
    """The processors of each thread of the machine, but for the launcher's own and its keeper's."""
    found = {}
    for process, name in descendants(machine.process.pid).items():
        if process == machine.process.pid or "hesper keep " in name:
            continue
        for status in pathlib.Path(f"/proc/{process}/task").glob("*/status"):
            try:
                lines = status.read_text().splitlines()
            except (FileNotFoundError, ProcessLookupError):
                continue
            fields = dict(line.split(":", 1) for line in lines if ":" in line)
            found[int(fields["Pid"])] = fields["Cpus_allowed_list"].strip()
    return found


def numbers(text):
    """Of a list as Linux writes it: 0-2,5."""
    ends = [part.split("-") for part in text.split(",")]
    return [number for end in ends for number in range(int(end[0]), int(end[-1]) + 1)]


class Threads(TestCase):
    def tune(self, *arguments):
        return hesper(self.scratch, "tune", *arguments)

    def told(self, *arguments):
        return json.loads(self.expect_success(self.tune(*arguments, "--json")).output)

    def assert_same(self, before, after):
        """Threads come and go; those that stay have what they had."""
        both = before.keys() & after.keys()
        self.assertTrue(both)
        self.assertEqual({thread: after[thread] for thread in both}, {thread: before[thread] for thread in both})

    def test_placed_and_given_back(self):
        machine = self.start(Run, self.scratch, "--cpus", "1")
        machine.started()
        before = masks(machine)
        self.assertIn("Nothing is to be undone", self.tune("vm", "--undo").errors)
        told = self.told("vm")
        self.assertEqual((told["version"], told["machine"], told["cpus"], told["memory"]), (1, "vm", 1, 256 << 20))
        executing = [thread for thread in told["threads"] if thread["cpu"] == 0]
        self.assertEqual(len(executing), 1, told["threads"])
        self.assertEqual(executing[0]["process"], machine.describe()["qemu_process"])
        names = {thread["name"] for thread in told["threads"]}
        for name in ("hesper", "hesper-gpu", "hesper-view"):
            self.assertIn(name, names)
        self.assert_same(before, masks(machine))

        placement = told["placement"]
        if placement is None:
            # A host with one core, which does nothing but to say so.
            self.assertIn("Pinning would do harm", told["why_not"])
            refused = self.tune("vm", "--apply")
            self.assertEqual(refused.status, 1)
            self.assertIn("Nothing is changed", refused.errors)
            return self.assert_same(before, masks(machine))

        self.assertEqual(len(placement["cpus"]), 1)
        self.assertFalse(set(placement["cpus"]) & set(placement["others"]))
        for _ in range(2):  # the second time changes nothing, and forgets nothing
            applied = self.told("vm", "--apply")
            self.assertEqual(applied["placement"], placement)
            placed = masks(machine)
            for thread, mask in placed.items():
                own = thread == executing[0]["thread"]
                self.assertEqual(numbers(mask), placement["cpus" if own else "others"], thread)
        self.expect_success(self.tune("vm", "--undo"))
        self.assert_same(before, masks(machine))
        self.assertEqual(set(before.values()), set(masks(machine).values()))
        self.assertIn("Nothing is to be undone", self.tune("vm", "--undo").errors)

    def test_small_host_is_left_alone(self):
        allowed = len(os.sched_getaffinity(0))
        machine = self.start(Run, self.scratch, "--cpus", str(allowed), "--accel", "tcg")
        machine.started()
        before = masks(machine)
        refused = self.tune("vm", "--apply")
        self.assertEqual(refused.status, 1)
        self.assertIn("Pinning would do harm here", refused.errors)
        self.assert_same(before, masks(machine))

    def test_without_a_machine(self):
        self.assertIn("No virtual machine runs", self.tune().errors)
        self.assertIn("'pinning'", str(self.told("--cpus", "4", "--description", HOSTS / "intel-laptop-two-gpus.host")))
        page = self.expect_success(self.tune("--cpus", "1", "--memory", "1G", "--color", "never")).output
        self.assertIn("A virtual machine with 1 processor and 1024 MiB", page)
        self.assertIn("Leave the scheduling class as it is", page)
        self.assertNotEqual(self.tune("vm", "--apply", "--undo").status, 0)
        self.assertNotEqual(self.tune("--cpus", "1", "--apply").status, 0)
