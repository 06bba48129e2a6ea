# The synthetic source (tests/screen): a hesper gpu without a virtual machine, which shows known pictures and tells what
# is typed; and hesper view at it.
import contextlib
import json
import pathlib
import queue
import re
import subprocess
import threading

from support import HESPER, PROGRAMS, end_group, wait_until


class Synthetic:
    """A source at a socket of its own. options: more of its command line."""

    _count = 0

    def __init__(self, scratch, *options):
        Synthetic._count += 1
        self.socket = scratch.path / f"source-{Synthetic._count}"
        self._log_path = scratch.path / f"source-{Synthetic._count}.log"
        self._log = open(self._log_path, "a")
        self.process = subprocess.Popen(
            [PROGRAMS / "screen" / "synthetic_source", "--socket", self.socket, *map(str, options)],
            env=scratch.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
            start_new_session=True,
        )  # fmt: skip
        self._said = queue.Queue()
        self._lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_until(lambda: {"ready": True} in self.lines(), 20, "The synthetic source does not start.")

    def _read(self):
        for line in self.process.stdout:
            self._said.put(json.loads(line))

    def order(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def lines(self):
        """All that it has said so far."""
        while not self._said.empty():
            self._lines.append(self._said.get())
        return list(self._lines)

    def events(self, device=None):
        """(device, type, code, value) of input so far, without the ends of reports."""
        return [
            (line["device"], line["type"], line["code"], line["value"])
            for line in self.lines()
            if "device" in line and line["type"] != 0 and device in (None, line["device"])
        ]

    def log(self):
        return self._log_path.read_text(errors="replace")

    def close(self):
        end_group(self.process)
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout, self._log):
            pipe.close()


class View:
    """hesper view at a source. options: which outputs, and more. variables: of its environment."""

    _count = 0

    def __init__(self, scratch, socket, *options, **variables):
        View._count += 1
        self._log_path = scratch.path / f"outputs-{View._count}.log"
        self._log = open(self._log_path, "a")
        self.process = subprocess.Popen(
            [HESPER, "view", "--socket", socket, *map(str, options)],
            env=scratch.environment(**variables), stdin=subprocess.DEVNULL, stderr=self._log, start_new_session=True,
        )  # fmt: skip

    def log(self):
        return self._log_path.read_text(errors="replace")

    def says(self, pattern, timeout=20):
        """Waits for a match in what it prints."""
        wait_until(lambda: re.search(pattern, self.log()), timeout, f"hesper view does not say '{pattern}': {self.log()}")
        return re.search(pattern, self.log())

    def memory(self):
        """Bytes that are resident."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))

    def processor_time(self):
        """Seconds."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def wake_ups(self):
        """How often its threads have slept so far."""
        count = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended
                lines = (task / "status").read_text().splitlines()
                count += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))
        return count

    def kill(self):
        end_group(self.process)
        self._log.close()

    def close(self):
        self.process.terminate()
        try:
            status = self.process.wait(timeout=20)
        finally:
            end_group(self.process)
            self._log.close()
        assert status == 0, f"hesper view ended with status {status} after SIGTERM: {self.log()}"
