"""The systems that are compared, and running a program with one of them. Everything started is ended."""
import contextlib
import os
import platform
import re
import signal
import subprocess
import tempfile
import threading
import time

NATIVE, HESPER, VIRGL = "native", "Hesper", "virglrenderer"
DMA_BUF = "+dma-buf"  # Hesper with --emulate-dma-buf: Mesa then presents without a copy, which changes swapchains only
LOW_LATENCY = "+low-latency"  # Hesper with --low-latency: matters to those who wait for small submissions
NO_SANDBOX = "+no-sandbox"  # Hesper with --sandbox=off, to see what the sandbox costs
CAPTURE = "+capture"  # Hesper with --capture, to see what recording costs
COMPARED = HESPER, DMA_BUF, LOW_LATENCY, NO_SANDBOX, CAPTURE, VIRGL
SYSTEMS = NATIVE, *COMPARED
OPTIONS = {
    HESPER: [],
    DMA_BUF: ["--emulate-dma-buf"],
    LOW_LATENCY: ["--low-latency"],
    NO_SANDBOX: ["--sandbox=off"],
    CAPTURE: [],
}
TIME_LIMIT = 300  # seconds for one program
FIRST_LIMIT = 30  # seconds for the trial that tells whether a system runs at all


class DoesNotRun(Exception):
    """A system cannot run a workload; the text says what was seen."""


class Systems:
    """Runs a program natively, through Hesper, or through virglrenderer."""

    def __init__(self, programs, scratch):
        self._programs = programs
        self._host_icd = os.environ.get("HESPER_TEST_HOST_ICD", "/usr/share/vulkan/icd.d/lvp_icd.json")
        self._venus_icd = os.environ.get("HESPER_TEST_MESA_BACKPORTS_ICD", "/usr/share/vulkan/icd.d/virtio_icd.json")
        self._scratch = scratch

    def environment(self, **more):
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("VK_", "VN_", "VTEST_", "HESPER_")) and name not in ("DISPLAY", "WAYLAND_DISPLAY")
        }
        return kept | {"XDG_CACHE_HOME": self._scratch, "XDG_RUNTIME_DIR": self._scratch} | more

    @contextlib.contextmanager
    def started(self, system, command, limit=TIME_LIMIT):
        """Yields the running program and the process ids whose families do the work. Kills it after `limit` seconds: a
        client of Mesa's whose server went away reads for ever."""
        with contextlib.ExitStack() as stack:
            roots = []
            environment = self.environment(VK_DRIVER_FILES=self._host_icd)
            if system in OPTIONS:
                environment = self.environment()
                launcher = [self._programs / "hesper", "exec", "--icd", self._venus_icd]
                if system == CAPTURE:
                    folder = stack.enter_context(tempfile.TemporaryDirectory(dir=self._scratch))
                    launcher += ["--capture", f"{folder}/capture.hsc"]
                command = [*launcher, *OPTIONS[system], "--host-driver", self._host_icd, "--", *command]
            elif system == VIRGL:
                server, socket = stack.enter_context(self._virgl_server())
                roots.append(server.pid)
                environment = self.environment(
                    VK_DRIVER_FILES=self._venus_icd, VN_DEBUG="vtest", VTEST_SOCKET_NAME=socket
                )
            program = subprocess.Popen(
                list(map(str, command)),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            stack.callback(end_group, program)
            alarm = threading.Timer(limit, kill_group, [program])
            alarm.start()
            stack.callback(alarm.cancel)
            yield program, [*roots, program.pid]

    @contextlib.contextmanager
    def _virgl_server(self):
        socket = f"{self._scratch}/virgl.{time.monotonic_ns()}"
        try:
            server = subprocess.Popen(
                ["virgl_test_server", "--venus", "--no-virgl", "--socket-path", socket],
                env=self.environment(VK_DRIVER_FILES=self._host_icd),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise DoesNotRun("virgl_test_server is not installed") from None
        try:
            end = time.monotonic() + 10
            while not os.path.exists(socket):
                if time.monotonic() > end or server.poll() is not None:
                    raise DoesNotRun("virgl_test_server does not open its socket")
                time.sleep(0.01)
            yield server, socket
        finally:
            end_group(server)

    def output(self, system, *command, limit=TIME_LIMIT):
        with self.started(system, command, limit) as (program, _):
            return finish(program)

    def reason_not_to_run(self, system):
        """None if the system runs a small program."""
        try:
            self.output(system, self.client("many"), "--count", 1, limit=FIRST_LIMIT)
            return None
        except DoesNotRun as reason:
            return str(reason)

    def client(self, name):
        return self._programs / "clients" / name


def finish(program):
    """Waits for the end; returns what the program printed."""
    output, errors = program.communicate()
    if program.returncode == -signal.SIGKILL:
        raise DoesNotRun("the client does not end")
    if program.returncode != 0:
        last = (errors.strip().splitlines() or ["it says nothing"])[-1]
        raise DoesNotRun(f"status {program.returncode}: {last}")
    return output


def kill_group(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def end_group(process):
    kill_group(process)
    process.wait()


def family(process):
    """A process and all its descendants."""
    yield process
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{thread}/children") as children:
                for child in map(int, children.read().split()):
                    yield from family(child)


def processor_seconds(roots):
    ticks = 0
    for process in {member for root in roots for member in family(root)}:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(f"/proc/{process}/stat") as stat:
                ticks += sum(map(int, stat.read().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def machine(systems):
    """What the numbers depend on."""
    with open("/proc/cpuinfo") as info:
        processor = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "unknown")
    summary = systems.output(NATIVE, "vulkaninfo", "--summary")
    facts = dict(re.findall(r"^\s*(deviceName|driverInfo)\s*= (.*)$", summary, re.MULTILINE))
    venus = systems.output(HESPER, "vulkaninfo", "--summary")
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": processor,
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "gpu": facts.get("deviceName"),
        "host driver": facts.get("driverInfo"),
        "client driver": dict(re.findall(r"^\s*(driverInfo)\s*= (.*)$", venus, re.MULTILINE)).get("driverInfo"),
    }
