"""What is measured. A workload runs once with one system at a time and keeps its rows; it repeats nothing by itself."""
import contextlib
import json
import re
import subprocess
import time

from .systems import HESPER, NATIVE, TIME_LIMIT, DoesNotRun, family, finish, processor_seconds
from .table import Geometric, Row


class Vkmark:
    """Frames a second of each scene. Rows appear with the first run."""

    def __init__(self, size, seconds):
        self._size, self._seconds = size, seconds
        self._rows = {}

    def measure(self, systems, system):
        output = systems.output(
            system, "vkmark", "--winsys", "headless", "--size", self._size, "--benchmark", f":duration={self._seconds}"
        )
        for scene, options, rate in re.findall(r"^\[(\w+)\] (\S+): FPS: (\d+)", output, re.MULTILINE):
            name = f"vkmark {self._size} {scene}" + ("" if options == "<default>" else f" {options}")
            self._rows.setdefault(name, Row(name, "1/s", "more")).add(system, int(rate))

    def rows(self):
        rows = list(self._rows.values())
        return [Geometric(f"vkmark {self._size}, geometric mean", rows), *rows] if rows else []


class Glmark2:
    """Frames a second of each default scene, with OpenGL on the Vulkan driver (Mesa's Zink). The X server that glmark2
    needs, even to draw off-screen, is part of the command. Rows appear with the first run."""

    # A CPU device is used only when told that software is welcome.
    ZINK = "MESA_LOADER_DRIVER_OVERRIDE=zink", "GALLIUM_DRIVER=zink", "LIBGL_ALWAYS_SOFTWARE=1"

    def __init__(self, seconds):
        self._seconds = seconds
        self._rows = {}

    def measure(self, systems, system):
        screen = "xvfb-run", "-a", "-s", "-screen 0 1280x1024x24", "env", *self.ZINK
        options = "--off-screen", "--size", "800x600", "--benchmark", f":duration={self._seconds}"
        output = systems.output(system, *screen, "glmark2-es2", *options)
        for scene, settings, rate in re.findall(r"^\[(\w+)\] (\S+): FPS: (\d+)", output, re.MULTILINE):
            name = f"glmark2 {scene}" + ("" if settings == "<default>" else f" {settings}")
            self._rows.setdefault(name, Row(name, "1/s", "more")).add(system, int(rate))

    def rows(self):
        rows = list(self._rows.values())
        return [Geometric("glmark2 800x600 off-screen, geometric mean", rows), *rows] if rows else []


class DrawRate:
    def __init__(self, repeats):
        self._repeats = repeats
        self._row = Row("draw commands recorded and executed", "1/s", "more")

    def measure(self, systems, system):
        output = systems.output(system, systems.client("drawrate"), "--repeats", self._repeats)
        self._row.add(system, json.loads(output)["commands_per_second"])

    def rows(self):
        return [self._row]


class Latency:
    """Submit to fence, and the processor time of client and server together while the client sleeps."""

    FIELDS = {
        "empty_median_us": "empty submit to fence, median",
        "empty_p99_us": "empty submit to fence, p99",
        "small_median_us": "small submit to fence, median",
        "small_p99_us": "small submit to fence, p99",
    }

    def __init__(self, iterations, idle_milliseconds):
        self._options = ["--iterations", iterations, "--idle-ms", idle_milliseconds]
        self._rows = {field: Row(name, "us", "less") for field, name in self.FIELDS.items()}
        self._idle = Row("processor time while idle", "%", "less")

    def measure(self, systems, system):
        with systems.started(system, [systems.client("latency"), *self._options]) as (program, roots):
            marks = {}
            for line in program.stderr:
                marks[line.strip()] = time.monotonic(), processor_seconds(roots)
                if "awake" in marks:
                    break
            output = finish(program)
            if "awake" not in marks:
                raise DoesNotRun("the client ends early")
        for field, row in self._rows.items():
            row.add(system, json.loads(output)[field])
        (start, busy_before), (end, busy_after) = marks["idle"], marks["awake"]
        self._idle.add(system, 100 * (busy_after - busy_before) / (end - start))

    def rows(self):
        return [*self._rows.values(), self._idle]


class StartUp:
    """Clients that come one by one. Natively the driver is loaded anew for each of them."""

    FIELDS = {
        "instance_ms": "start to the first command's answer",
        "submission_ms": "start to the end of a first submission",
    }

    def __init__(self, repeats):
        self._repeats = repeats
        self._rows = {field: Row(name, "ms", "less") for field, name in self.FIELDS.items()}

    def measure(self, systems, system):
        for _ in range(self._repeats):
            result = json.loads(systems.output(system, systems.client("first")))
            for field, row in self._rows.items():
                row.add(system, result[field])

    def rows(self):
        return list(self._rows.values())


class Rates:
    """Memory, descriptors, pipelines."""

    FIELDS = {
        "mapped_write_to_read_us": ("map, write, GPU reads, result seen", "us", "less"),
        "descriptors_per_second": ("descriptors updated", "1/s", "more"),
        "pipelines_per_second": ("compute pipelines created", "1/s", "more"),
        "upload_bytes_per_second": ("upload through mapped memory", "B/s", "more"),
    }

    def __init__(self, milliseconds):
        self._milliseconds = milliseconds
        self._rows = {field: Row(*naming) for field, naming in self.FIELDS.items()}

    def measure(self, systems, system):
        result = json.loads(systems.output(system, systems.client("rates"), "--ms", self._milliseconds))
        for field, row in self._rows.items():
            row.add(system, result[field])

    def rows(self):
        return list(self._rows.values())


class AtOnce:
    """Several programs that draw at the same time: the commands of all by the time until the last has ended."""

    COUNTS = 1, 4, 16
    DRAWS = 100_000  # of drawrate in one repeat; each is two commands

    def __init__(self, repeats):
        self._repeats = repeats
        self._rows = {count: Row(f"draw commands of {count} programs at once", "1/s", "more") for count in self.COUNTS}

    def measure(self, systems, system):
        program = [str(systems.client("drawrate")), "--draws", str(self.DRAWS), "--repeats", str(self._repeats)]
        for count, row in self._rows.items():
            script = 'for i in $(seq "$0"); do "$@" & all="$all $!"; done; for i in $all; do wait "$i" || exit; done'
            start = time.monotonic()
            systems.output(system, "sh", "-c", script, count, *program)
            commands = 2 * self.DRAWS * (self._repeats + 1) * count  # the one that warms up included
            row.add(system, commands / (time.monotonic() - start))

    def rows(self):
        return list(self._rows.values())


class IdleMemory:
    """Memory that nobody else shares, of a program with one device that sleeps: natively the program with its driver,
    through Hesper its worker, which has the driver then. The difference is Hesper's own."""

    HOLD = 3000  # milliseconds

    def __init__(self):
        self._row = Row("memory of an idle client's driver process", "MiB", "less")

    def measure(self, systems, system):
        command = [systems.client("many"), "--count", 1, "--hold-ms", self.HOLD]
        with systems.started(system, command) as (program, roots):
            time.sleep(self.HOLD / 2000)
            processes = {member for root in roots for member in family(root)}
            if system != NATIVE:
                processes = {each for each in processes if process_name(each) == "hesper-render"}
            # The largest: a spare worker without a client may be there as well.
            used = max((own_memory(each) for each in processes), default=None)
            finish(program)
        if used is None:
            raise DoesNotRun("there is no worker to be seen")
        self._row.add(system, used / (1 << 20))

    def rows(self):
        return [self._row]


def process_name(process):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        with open(f"/proc/{process}/comm") as name:
            return name.read().strip()


def own_memory(process):
    """Bytes of anonymous and shared memory; not those of files, which all processes share."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        with open(f"/proc/{process}/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        return sum(int(fields[name].split()[0]) for name in ("RssAnon", "RssShmem")) * 1024
    return 0


def decoding_rows(programs):
    """What one core decodes and dispatches when the driver costs nothing; there is no native counterpart."""
    output = subprocess.run(
        [programs / "bench_commands", "--benchmark_format=json", "--benchmark_min_time=0.5s"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
        timeout=TIME_LIMIT,
    ).stdout
    for each in json.loads(output)["benchmarks"]:
        row = Row(f"commands decoded on one core: {each['name']}", "1/s", "more")
        row.add(HESPER, each["items_per_second"])
        yield row


def video_rows(programs):
    """How fast pictures become video. Native is memcpy, for what is counted in bytes of pixels."""
    output = subprocess.run(
        [programs / "bench_video", "--benchmark_format=json", "--benchmark_min_time=0.5s"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
        timeout=TIME_LIMIT,
    ).stdout
    results = {each["name"]: each for each in json.loads(output)["benchmarks"]}
    for size in ("1280x720", "1920x1080"):
        for layout in ("nv12", "i420", "i444"):
            row = Row(f"pixels to {layout}, {size}, on one core", "B/s", "more")
            row.add(NATIVE, results[f"memcpy/{size}"]["bytes_per_second"])
            machines = (results[f"convert/{layout}/{machine}/{size}"] for machine in ("baseline", "avx2", "avx512"))
            row.add(HESPER, max(each.get("bytes_per_second", 0) for each in machines))
            yield row
    for name, result in results.items():
        kind, *what = name.split("/")
        if kind not in ("encode", "stills"):
            continue
        what = ", ".join(part for part in what if ":" not in part and part != "manual_time")
        for counter, unit in (("p50_ms", "ms"), ("p95_ms", "ms"), ("bytes_per_second", "B/s")):
            row = Row(f"{what}: {counter.removesuffix('_ms').replace('_', ' ')}", unit, "less")
            row.add(HESPER, result[counter])
            yield row
