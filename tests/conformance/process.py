# One process of deqp-vk, natively or through Hesper: starting it, following its log, ending it when it hangs. Knows no
# sample and compares nothing.
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

CRASH, TIMEOUT, UNKNOWN = "Crash", "Timeout", "Unknown"  # what we find out; all other statuses are deqp-vk's own words
POLL = 0.05  # seconds between two looks at the log
START_LIMIT = 120  # seconds to the first case: deqp-vk builds the tree of cases before
KEPT = 16000  # characters of a case's log that are kept from its end

RESULT = re.compile(r'<Result StatusCode="(\w+)"(?:/>|>(.*?)</Result>)', re.DOTALL)
DURATION = re.compile(r'<Number Name="TestDuration"[^>]*>(\d+)<')
ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}


@dataclasses.dataclass
class Result:
    case: str
    status: str
    reason: str
    seconds: float
    log: str = ""  # what deqp-vk and, through Hesper, Hesper wrote about it


@dataclasses.dataclass
class Outcome:
    results: list  # of cases that ended, one way or another
    seconds: float
    ending: str  # empty if the process ended by itself with its work done
    output: str  # the end of what it printed


@dataclasses.dataclass
class Suite:
    """The suite, and both ways to run it. Paths; lists of strings."""

    deqp: pathlib.Path
    data: pathlib.Path
    native_environment: dict
    hesper_environment: dict
    hesper_launcher: list
    case_limit: float

    def command(self, side, arguments):
        launcher = self.hesper_launcher if side == "hesper" else []
        return [*map(str, launcher), str(self.deqp), f"--deqp-archive-dir={self.data}", *arguments]

    def environment(self, side):
        return self.hesper_environment if side == "hesper" else self.native_environment


class Log:
    """Reads deqp-vk's log (.qpa) while it grows."""

    def __init__(self, path):
        self._path = path
        self._position = 0
        self._rest = b""
        self.open_case = None  # the case that has begun and not ended
        self._lines = []

    def read(self):
        """The results of the cases that ended since the last call."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._position)
                new = file.read()
        except FileNotFoundError:
            return []
        self._position += len(new)
        lines = (self._rest + new).split(b"\n")
        self._rest = lines.pop()
        return [result for line in lines if (result := self._line(line.decode("utf-8", "replace")))]

    def text(self):
        return "\n".join(self._lines)[-KEPT:]

    def _line(self, line):
        if line.startswith("#beginTestCaseResult "):
            self.open_case, self._lines = line.split(" ", 1)[1].strip(), []
        elif line.startswith("#endTestCaseResult") and self.open_case:
            return self._ended()
        elif line.startswith("#terminateTestCaseResult ") and self.open_case:
            return self.end_with(line.split(" ", 1)[1].strip(), "deqp-vk ended the case.")
        elif self.open_case:
            self._lines.append(line)
        return None

    def _ended(self):
        whole = "\n".join(self._lines)
        found = RESULT.findall(whole)
        if not found:
            return self.end_with("InternalError", "The log has no result.")
        status, reason = found[-1]
        for entity, character in ENTITIES.items():
            reason = reason.replace(entity, character)
        return self.end_with(status, reason.strip())

    def end_with(self, status, reason):
        """Ends the open case."""
        duration = DURATION.search("\n".join(self._lines))
        seconds = int(duration.group(1)) / 1e6 if duration else 0.0
        result = Result(self.open_case, status, reason, seconds, self.text())
        self.open_case = None
        return result


def _end(process):
    """Ends the process and what it started; first kindly, as hesper then ends its workers."""
    for number, patience in ((signal.SIGTERM, 3), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            continue
    try:
        os.killpg(process.pid, signal.SIGKILL)  # what outlived its leader
    except ProcessLookupError:
        pass


def _ending(status):
    if status in (0, 1):  # 1: some case failed
        return ""
    if status < 0:
        status = 128 - status
    if status > 128:
        try:
            return f"It ended by {signal.Signals(status - 128).name}."
        except ValueError:
            pass
    return f"It ended with status {status}."


def _tail(path, size, start=0):
    with open(path, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(start, end - size))
        return file.read().decode("utf-8", "replace")


def run(suite, side, cases, shader_cache=None, stop=lambda: False, ended=lambda result: None):
    """Runs cases in one process until it ends, or one of them takes longer than the limit. `ended` is called with each
    result as soon as it is known. stop: asked often; when true the process is ended and the open case has no result."""
    with tempfile.TemporaryDirectory(prefix="hesper-conformance-") as folder:
        folder = pathlib.Path(folder)
        case_list, log_path, output = folder / "cases.txt", folder / "log.qpa", folder / "output.txt"
        case_list.write_text("\n".join(cases) + "\n")
        command = suite.command(
            side,
            [
                f"--deqp-caselist-file={case_list}",
                f"--deqp-log-filename={log_path}",
                f"--deqp-shadercache-filename={shader_cache or folder / 'shaders.bin'}",
                f"--deqp-shadercache-truncate={'disable' if shader_cache else 'enable'}",
                "--deqp-log-images=disable",
                "--deqp-log-shader-sources=disable",
            ],
        )
        log, results = Log(log_path), []
        began = time.monotonic()
        with open(output, "wb") as sink:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=suite.environment(side),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        progress, case_output, current = began, 0, None
        ending = None

        def collect():
            nonlocal progress, case_output, current
            for result in log.read():
                if result.status not in ("Pass", "NotSupported"):
                    result.log += "\n---- output\n" + _tail(output, KEPT // 4, case_output)
                results.append(result)
                ended(result)
                progress = time.monotonic()
            if log.open_case != current:
                current = log.open_case
                progress, case_output = time.monotonic(), output.stat().st_size

        try:
            while process.poll() is None:
                time.sleep(POLL)
                collect()
                limit = suite.case_limit if log.open_case or results else suite.case_limit + START_LIMIT
                if stop():
                    ending = "stopped"
                elif time.monotonic() - progress > limit:
                    ending = f"It made no progress for {limit:.0f} seconds."
                if ending:
                    _end(process)
        finally:
            _end(process)
        seconds = time.monotonic() - began
        collect()
        timed_out = ending is not None
        ending = ending if timed_out else _ending(process.returncode)
        if log.open_case and ending != "stopped":
            what = TIMEOUT if timed_out else CRASH
            result = log.end_with(what, ending or "The process ended in the middle of the case.")
            result.log += "\n---- output\n" + _tail(output, KEPT // 2, case_output)
            result.seconds = time.monotonic() - progress
            results.append(result)
            ended(result)
        return Outcome(results, seconds, ending, _tail(output, KEPT))
