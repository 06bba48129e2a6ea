# Support of the end-to-end tests: where programs and drivers are, running a program natively or through Hesper, and the
# servers and X screens that tests start. Everything here has a time limit, and ends what it started.
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest


class Missing(Exception):
    """Something that the tests need is not there. Never a reason to skip."""


def required(variable, meaning):
    value = os.environ.get(variable)
    if not value:
        raise Missing(f"{variable} ({meaning}) is not set; start the tests with ./dev test.")
    return pathlib.Path(value)


PROGRAMS = required("HESPER_TEST_PROGRAMS", "the folder of the built programs")
HESPER = PROGRAMS / "hesper"
NATIVE_ICD = pathlib.Path(os.environ.get("HESPER_TEST_HOST_ICD", "/usr/share/vulkan/icd.d/lvp_icd.json"))

# The clients: Venus of both Mesa versions. Their names are those that vulkaninfo_differences.toml uses.
STABLE = "stable"  # Mesa 25.0, Debian 13's; offers swapchains only with EMULATED
BACKPORTS = "backports"  # Mesa 26
VENUS_ICD = {
    STABLE: required("HESPER_TEST_MESA_STABLE_ICD", "Venus of Debian 13's Mesa"),
    BACKPORTS: required("HESPER_TEST_MESA_BACKPORTS_ICD", "Venus of Mesa from trixie-backports"),
}
# A host driver that has real sync_fd semaphores and fences, which Debian 13's lavapipe has not: Mesa 26's lavapipe.
SYNC_FD_HOST = VENUS_ICD[BACKPORTS].with_name("lvp_icd.json")
EMULATED = ("--emulate-dma-buf",)  # the options of hesper exec that make it do so
# What makes OpenGL run on the Vulkan driver, which Mesa does for a CPU only when told that software is welcome.
ZINK = {"MESA_LOADER_DRIVER_OVERRIDE": "zink", "GALLIUM_DRIVER": "zink", "LIBGL_ALWAYS_SOFTWARE": "1"}


def client(name):
    """The path of one of the programs of tests/clients."""
    return str(PROGRAMS / "clients" / name)


class Scratch:
    """A folder for a test's files, and for the caches of drivers, so that nothing outlives the test."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="hesper-e2e-")
        self.path = pathlib.Path(self._folder.name)
        (self.path / "runtime").mkdir(mode=0o700)

    def environment(self, **more):
        result = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("VK_", "VN_", "VTEST_", "HESPER_")) and name not in ("DISPLAY", "WAYLAND_DISPLAY")
        }
        result["XDG_CACHE_HOME"] = str(self.path / "cache")
        result["HESPER_SHADER_CACHE"] = str(self.path / "cache")
        result["XDG_RUNTIME_DIR"] = str(self.path / "runtime")
        return result | more

    def close(self):
        self._folder.cleanup()


class Finished:
    def __init__(self, command, status, output, errors):
        self.command, self.status, self.output, self.errors = command, status, output, errors

    def __str__(self):
        return f"{' '.join(map(str, self.command))}\nstatus {self.status}\n{self.output}\n{self.errors[-6000:]}"


def end_well(process, log):
    """Ends one of our programs, which says so by its status, and all that it has started. log: the file of its log."""
    process.terminate()
    try:
        status = process.wait(timeout=20)
    finally:
        end_group(process)
        log.close()
    assert status == 0, f"{process.args[:2]} ended with status {status} after SIGTERM."


def end_group(process):
    """Ends a process that was started with start_new_session, and what it started in turn."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run(command, environment, timeout=60):
    """Runs to the end. status: as a shell gives it; an overrun of `timeout` (seconds) is an AssertionError."""
    command = list(map(str, command))
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        end_group(process)
        output, errors = process.communicate()
        raise AssertionError(
            f"{' '.join(command)} did not end within {timeout} seconds.\n{output[-3000:]}\n{errors[-6000:]}"
        ) from None
    status = process.returncode
    return Finished(command, status if status >= 0 else 128 - status, output, errors)


def wait_until(condition, timeout, what):
    """Waits for a condition that a test describes in a sentence of its own."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"After {timeout} seconds: {what}")
        time.sleep(0.02)


class Server:
    """hesper vtest at a socket of its own. options: more of its command line; variables: of its environment.

    Without spare workers, so that each worker is some client's."""

    def __init__(self, scratch, options=(), host=NATIVE_ICD, **variables):
        self._scratch = scratch
        self.socket = scratch.path / "vtest"
        # Appended to, and read through the path: the server shares the file's position with us.
        self._log_path = scratch.path / "server.log"
        self._log = open(self._log_path, "a")
        self.process = subprocess.Popen(
            [HESPER, "vtest", "--socket", self.socket, "--host-driver", host, "--spare-workers", "0", *options],
            env=scratch.environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        wait_until(self._listens, 20, "hesper vtest does not listen on its socket.")

    def _listens(self):
        """Whether clients may come. The socket's path is there a moment before."""
        accepts = 1 << 16  # the kernel's flag for a listening socket
        lines = pathlib.Path("/proc/net/unix").read_text().splitlines()
        return any(int(line.split()[3], 16) & accepts for line in lines if line.endswith(f" {self.socket}"))

    def environment(self, mesa, **more):
        return self._scratch.environment(
            VK_DRIVER_FILES=str(VENUS_ICD[mesa]), VN_DEBUG="vtest", VTEST_SOCKET_NAME=str(self.socket), **more
        )

    def workers(self):
        """Process ids, the oldest first."""
        # A list of processes in /proc is not ordered; ids may wrap, start times do not.
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        started = []
        for child in map(int, children):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                fields = pathlib.Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
                if fields[0] != "Z":
                    started.append((int(fields[19]), child))
        return [child for _, child in sorted(started)]

    def workers_of(self, process, since=0):
        """Process ids of the workers that serve a client, also of those that have ended. Needs HESPER_LOG=debug.
        since: where in the log to begin, as process ids are used again."""
        return [
            int(line.rpartition(" ")[2].rstrip("."))
            for line in self.log()[since:].splitlines()
            if f"(process {process.pid}) is served by process " in line
        ]

    def use(self):
        """What the server process itself holds: bytes of memory, descriptors, threads."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        return {
            "memory": int(fields["VmRSS"].split()[0]) * 1024,
            "descriptors": len(os.listdir(f"/proc/{self.process.pid}/fd")),
            "threads": int(fields["Threads"]),
        }

    def connect(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(20)
        connection.connect(str(self.socket))
        return connection

    def log(self):
        return self._log_path.read_text(errors="replace")

    def close(self):
        end_well(self.process, self._log)
        assert not self.socket.exists(), "hesper vtest left its socket behind."


class Screen:
    """A private X server. options: more of Xvfb's."""

    def __init__(self, scratch, *options):
        self._log = open(scratch.path / "xvfb.log", "w+")
        number, tell = os.pipe()
        with os.fdopen(number) as reader:
            self._process = subprocess.Popen(
                ["Xvfb", "-displayfd", str(tell), "-screen", "0", "700x700x24", "-nolisten", "tcp", "-noreset", *options],
                pass_fds=[tell],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                start_new_session=True,
            )
            os.close(tell)
            number = reader.readline().strip()  # nothing if the server ends instead
        if not number:
            self._log.seek(0)
            raise AssertionError(f"Xvfb did not start:\n{self._log.read()}")
        self.display = f":{number}"
        self.socket = f"/tmp/.X11-unix/X{number}"

    def close(self):
        end_group(self._process)
        self._log.close()


def launcher(mesa, options=(), host=NATIVE_ICD):
    """What comes before a command to run it through Hesper."""
    return [HESPER, "exec", "--icd", VENUS_ICD[mesa], "--host-driver", host, *options, "--"]


class TestCase(unittest.TestCase):
    """A test with a scratch folder, and with helpers that run programs natively and through Hesper."""

    def setUp(self):
        self.scratch = self.start(Scratch)

    def start(self, what, *arguments, **named):
        """Makes something that has close(), which is called when the test ends."""
        result = what(*arguments, **named)
        self.addCleanup(result.close)
        return result

    def native(self, *command, timeout=60, host=NATIVE_ICD, **variables):
        environment = self.scratch.environment(VK_DRIVER_FILES=str(host), **variables)
        return self.expect_success(run(command, environment, timeout))

    def exec(self, mesa, *command, timeout=60, options=(), host=NATIVE_ICD, **variables):
        """Through `hesper exec`. Does not look at the status."""
        return run([*launcher(mesa, options, host), *command], self.scratch.environment(**variables), timeout)

    def hesper(self, mesa, *command, **more):
        """Through `hesper exec`, which must succeed. more: as exec() has it."""
        return self.expect_success(self.exec(mesa, *command, **more))

    def expect_success(self, finished):
        self.assertEqual(finished.status, 0, f"A program failed: {finished}")
        return finished


def tools_present(*names):
    """For setUpModule: fails with a sentence if a program of the build environment is missing."""
    for name in names:
        if not shutil.which(name):
            raise Missing(f"The program {name} is not installed; start the tests with ./dev test.")
