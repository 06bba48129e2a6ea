# hesper exec: exit status, signals, arguments, and what it says when something is missing.
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

from support import BACKPORTS, HESPER, NATIVE_ICD, STABLE, VENUS_ICD, TestCase, client, end_group, run, wait_until


class Status(TestCase):
    def status_of(self, *command):
        return self.exec(STABLE, *command, timeout=30).status

    def test_of_the_program_is_passed_on(self):
        self.assertEqual(self.status_of("true"), 0)
        self.assertEqual(self.status_of("sh", "-c", "exit 42"), 42)

    def test_of_a_program_ended_by_a_signal(self):
        self.assertEqual(self.status_of("sh", "-c", "kill -SEGV $$"), 128 + signal.SIGSEGV)

    def test_arguments_and_output_are_untouched(self):
        finished = self.hesper(STABLE, "printf", "%s|", "a b", "--", "-v", "$HOME")
        self.assertEqual(finished.output, "a b|--|-v|$HOME|")

    def test_verbose_names_the_gpu_and_the_memory_strategy(self):
        finished = self.exec(STABLE, "true", options=["-v"])
        self.assertEqual(finished.status, 0)
        native = self.native("vulkaninfo", "--summary").output
        name = next(line.split("=")[1].strip() for line in native.splitlines() if "deviceName" in line)
        self.assertIn(name, finished.errors)
        self.assertRegex(finished.errors, "hostptr|dmabuf")


class Signals(TestCase):
    def test_are_passed_on_to_the_program(self):
        ready = self.scratch.path / "ready"
        script = f"trap 'exit 7' TERM; : >{ready}; while :; do sleep 0.05; done"
        process = subprocess.Popen(
            [HESPER, "exec", "--icd", VENUS_ICD[STABLE], "--", "sh", "-c", script],
            env=self.scratch.environment(),
            start_new_session=True,
        )
        self.addCleanup(end_group, process)
        wait_until(ready.exists, 20, "The program has not started.")
        process.terminate()
        self.assertEqual(process.wait(timeout=10), 7)

    def test_nothing_is_left_behind(self):
        self.hesper(BACKPORTS, client("many"), "--count", 1)
        self.exec(BACKPORTS, "sh", "-c", "kill -9 $$")
        self.assertEqual(list((self.scratch.path / "runtime").iterdir()), [])


class Sentences(TestCase):
    """One clear sentence for each thing that can be missing, and what to install."""

    def fails(self, *command, status, says, **variables):
        finished = run(command, self.scratch.environment(**variables), 30)
        self.assertEqual(finished.status, status, str(finished))
        for text in says:
            self.assertIn(text, finished.errors)

    def test_program_not_found(self):
        self.fails(HESPER, "exec", "--", "no-such-program", status=127, says=["no-such-program"])

    def test_program_not_executable(self):
        file = self.scratch.path / "data"
        file.write_text("not a program")
        self.fails(HESPER, "exec", "--", file, status=126, says=[str(file)])

    def test_no_program_given(self):
        self.fails(HESPER, "exec", status=125, says=["no program"])

    def test_venus_driver_missing(self):
        empty = str(self.scratch.path)
        self.fails(
            *(HESPER, "exec", "--icd", self.scratch.path / "none.json", "--", "true"), status=125, says=["none.json"]
        )
        if not any(os.path.exists(f"{root}/vulkan/icd.d/virtio_icd.json") for root in ("/etc", "/usr/local/etc")):
            self.fails(
                *(HESPER, "exec", "--", "true"),
                status=125,
                says=["mesa-vulkan-drivers"],
                **{"XDG_DATA_DIRS": empty, "XDG_DATA_HOME": empty, "XDG_CONFIG_HOME": empty, "HOME": empty},
            )

    def test_host_driver_missing(self):
        broken = self.scratch.path / "broken.json"
        broken.write_text('{"file_format_version": "1.0.0", "ICD": {"library_path": "/none.so", "api_version": "1.3.0"}}')
        finished = run(
            [HESPER, "exec", "-v", "--icd", VENUS_ICD[STABLE], "--host-driver", broken, "--", client("many"), "--count", "1"],
            self.scratch.environment(),
            60,
        )
        self.assertNotEqual(finished.status, 0)
        self.assertIn("mesa-vulkan-drivers", finished.errors)

    def test_worker_program_missing(self):
        alone = self.scratch.path / "hesper"
        shutil.copy(HESPER, alone)
        self.fails(alone, "exec", "--icd", VENUS_ICD[STABLE], "--", "true", status=125, says=["hesper-render"])


class Output(TestCase):
    """What becomes of commands that print, when what they print goes nowhere. Some ignore SIGPIPE, some do not."""

    CAPTURE = pathlib.Path(__file__).parents[1] / "golden/small-work.hsc"
    COMMANDS = (("capture", "show", CAPTURE), ("capture", "info", CAPTURE), ("completion", "bash"), ("facts",), ("list",))

    def run_into(self, output, command, **more):
        finished = subprocess.run(
            [HESPER, *command], env=self.scratch.environment(), stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.PIPE, text=True, timeout=60, **more,
        )  # fmt: skip
        return finished.returncode, finished.stderr

    def test_nobody_reads_any_more(self):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as output:
            for command in self.COMMANDS:
                for ignored in (True, False):  # SIGPIPE, by whoever starts it; Python ignores it
                    with self.subTest(command=command, ignored=ignored):
                        status, errors = self.run_into(output, command, restore_signals=not ignored)
                        self.assertIn(status, (128 + signal.SIGPIPE, -signal.SIGPIPE))
                        self.assertEqual(errors, "")

    def test_disk_is_full(self):
        with open("/dev/full", "wb") as output:
            for command in self.COMMANDS:
                with self.subTest(command=command):
                    status, errors = self.run_into(output, command)
                    self.assertEqual(status, 1)
                    self.assertIn("Standard output cannot be written to: No space left on device.", errors)


class Idle(TestCase):
    def test_costs_no_processor_time(self):
        """A client that has worked and waits now: its worker must sleep."""
        process = subprocess.Popen(
            [HESPER, "exec", "--icd", VENUS_ICD[BACKPORTS], "--host-driver", NATIVE_ICD]
            + ["--", client("many"), "--count", "1", "--hold-ms", "60000"],
            env=self.scratch.environment(),
            start_new_session=True,
        )
        self.addCleanup(end_group, process)
        family = lambda: [process.pid, *children_of(process.pid)]  # supervisor, client, worker
        wait_until(lambda: len(family()) == 3, 20, "Client and worker have not started.")
        time.sleep(3)  # the work, and the ring's wish to spin for a while
        before = sum(map(ticks, family()))
        time.sleep(2)
        # Of 200 ticks. Mesa's own ring watchdog and ours wake up a few times a second.
        self.assertLessEqual(sum(map(ticks, family())) - before, 3)


def children_of(process):
    with open(f"/proc/{process}/task/{process}/children") as children:
        return list(map(int, children.read().split()))


def ticks(process):
    """Processor time of a process, in 1/100 s."""
    with open(f"/proc/{process}/stat") as stat:
        return sum(map(int, stat.read().rpartition(")")[2].split()[11:13]))


if __name__ == "__main__":
    unittest.main()
