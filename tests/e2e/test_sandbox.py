# The sandboxes of workers and of hesper-view: the same results at every level, what is reached and said, and a driver that tries to get out.
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import unittest

from support import BACKPORTS, HESPER, NATIVE_ICD, PROGRAMS, STABLE, VENUS_ICD, Screen, Server, TestCase, client, end_group, run, wait_until
from synthetic import Synthetic, View

LEVELS = ("strict", "basic", "off")


def at_level(level):
    return ["--sandbox", level]


class Levels(TestCase):
    """Real clients do not notice the level."""

    def test_the_picture_is_the_native_one(self):
        native = self.scratch.path / "native.png"
        want = self.native(client("scene"), "--output", native)
        for level in LEVELS:
            with self.subTest(level=level):
                ours = self.scratch.path / f"{level}.png"
                got = self.hesper(BACKPORTS, client("scene"), "--output", ours, options=at_level(level))
                self.assertEqual(got.output, want.output)
                self.assertEqual(ours.read_bytes(), native.read_bytes())
                self.assertNotIn("sandbox", got.errors)

    def test_compute(self):
        for level in LEVELS:
            with self.subTest(level=level):
                self.hesper(STABLE, client("compute"), "--rounds", 10, "--big-mib", 64, options=at_level(level))

    def test_vulkaninfo(self):
        outputs = {level: self.hesper(BACKPORTS, "vulkaninfo", options=at_level(level)).output for level in LEVELS}
        self.assertEqual(outputs["strict"], outputs["off"])
        self.assertEqual(outputs["basic"], outputs["off"])

    def test_the_default_needs_no_cache(self):
        environment = self.scratch.environment()
        del environment["HESPER_SHADER_CACHE"]
        command = [HESPER, "exec", "--icd", VENUS_ICD[BACKPORTS], "--host-driver", NATIVE_ICD, "--", client("many"), "--count", "2"]
        self.expect_success(run(command, environment, 60))


class Environment(TestCase):
    def test_has_what_drivers_read_and_what_is_passed(self):
        variables = {"MESA_DEBUG": "silent", "ACME_ONE": "1", "ACME_TWO": "2", "SECRET": "s"}
        # A worker whose environment an ordinary user may read.
        server = self.start(Server, self.scratch, [*at_level("off"), "--pass-env", "ACME_ONE,NONE*"], **variables)
        process = subprocess.Popen(
            [client("many"), "--count", "1", "--hold-ms", "60000"],
            env=server.environment(BACKPORTS),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.addCleanup(end_group, process)
        of_workers = lambda file: [pathlib.Path(f"/proc/{worker}/{file}").read_text() for worker in server.workers()]
        wait_until(lambda: any("hesper-render" in text for text in of_workers("cmdline")), 20, "There is no worker.")
        found = of_workers("environ")[0].split("\0")
        self.assertEqual([name for name in variables if f"{name}={variables[name]}" in found], ["MESA_DEBUG", "ACME_ONE"])


class Report(TestCase):
    def verbose(self, *options, **variables):
        return self.expect_success(
            self.exec(BACKPORTS, client("many"), "--count", 1, options=["-v", *options], **variables)
        ).errors

    def test_names_level_means_and_family(self):
        log = self.verbose()
        self.assertRegex(log, r"level +strict \(own .*mount, network, IPC, UTS and cgroup namespaces; a file system of its own;")
        self.assertIn("lists of lavapipe", log)
        self.assertRegex(log, r"client 1: info: The sandbox is strict \(")
        self.assertNotIn("refuses the system call", log)

    def test_other_levels(self):
        self.assertRegex(self.verbose(*at_level("basic")), r"client 1: info: The sandbox is basic \(")
        self.assertIn("client 1: info: The sandbox is off.", self.verbose(HESPER_SANDBOX="off"))

    def test_an_unknown_level_is_refused(self):
        finished = self.exec(BACKPORTS, "true", options=at_level("lax"))
        self.assertEqual(finished.status, 125)
        self.assertIn("lax", finished.errors)


def status_of(process):
    lines = pathlib.Path(f"/proc/{process}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def children_of(process):
    with open(f"/proc/{process}/task/{process}/children") as children:
        return list(map(int, children.read().split()))


class Worker(TestCase):
    """What the kernel itself says about a worker that serves."""

    def serving(self, *options):
        process = subprocess.Popen(
            [HESPER, "exec", "--icd", VENUS_ICD[BACKPORTS], "--host-driver", NATIVE_ICD, "--spare-workers", "0", *options]
            + ["--", client("many"), "--count", "1", "--hold-ms", "60000"],
            env=self.scratch.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.addCleanup(end_group, process)

        def workers():
            names = {child: status_of(child)["Name"] for child in children_of(process.pid)}
            return [child for child, name in names.items() if name.startswith("hesper-render")]

        wait_until(lambda: workers() and int(status_of(workers()[0])["Threads"]) > 1, 20, "No worker serves.")
        return process, workers()[0]

    def test_has_nothing_left(self):
        _, worker = self.serving()
        status = status_of(worker)
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            if capabilities != "CapBnd" or os.geteuid() == 0:
                self.assertEqual(int(status[capabilities], 16), 0, capabilities)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Seccomp"], "2")
        if os.geteuid() != 0:
            # Nobody but root looks into it.
            self.assertRaises(PermissionError, os.readlink, f"/proc/{worker}/ns/mnt")
            return
        for name in ("mnt", "net", "ipc", "uts", "cgroup"):
            self.assertNotEqual(os.readlink(f"/proc/{worker}/ns/{name}"), os.readlink(f"/proc/self/ns/{name}"), name)
        self.assertNotIn("passwd", os.listdir(f"/proc/{worker}/root/etc"))
        self.assertEqual(sorted(os.listdir(f"/proc/{worker}/root/proc")), ["cpuinfo", "meminfo", "self"])
        limits = pathlib.Path(f"/proc/{worker}/limits").read_text()
        self.assertRegex(limits, r"Max core file size +0 +0 ")
        self.assertRegex(limits, r"Max open files +\d{2,6} +\d{2,6} ")

    def test_limits_are_those_that_were_asked_for(self):
        _, worker = self.serving("--max-fds", "300", "--address-space", "16G", "--nice", "5")
        limits = pathlib.Path(f"/proc/{worker}/limits").read_text()
        self.assertRegex(limits, r"Max open files +300 +300 ")
        self.assertRegex(limits, rf"Max address space +{16 << 30} +{16 << 30} ")
        with open(f"/proc/{worker}/stat") as stat:
            self.assertEqual(stat.read().rpartition(")")[2].split()[16], "5")

    def test_ends_with_the_supervisor(self):
        process, worker = self.serving()
        os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{worker}") or status_of(worker)["State"][0] == "Z", 5, "The worker lives on.")


class Host:
    """What there is for somebody who gets out of a sandbox (tests/clients/escapes)."""

    def __init__(self, case):
        self.file = case.scratch.path / "mine"
        self.file.write_text("mine")
        port = socket.create_server(("127.0.0.1", 0))
        path = socket.socket(socket.AF_UNIX)
        path.bind(str(case.scratch.path / "listener"))
        path.listen()
        for listener in (port, path):
            case.addCleanup(listener.close)
        self.variables = {
            "HESPER_TEST_FILE": str(self.file),
            "HESPER_TEST_PORT": str(port.getsockname()[1]),
            "HESPER_TEST_SOCKET": path.getsockname(),
        }


class HostileDriver(TestCase):
    """tests/clients/hostile_driver: it must manage nothing in the sandbox, and a lot without."""

    def setUp(self):
        super().setUp()
        self.host = Host(self)

    def let_it_try(self, level, **variables):
        """Its report, and all else that is logged."""
        finished = self.exec(
            BACKPORTS,
            *(client("many"), "--count", 1),
            options=[*at_level(level), "-v", "--spare-workers", 0],
            host=client("hostile_driver.json"),
            **self.host.variables,
            **variables,
        )
        self.assertNotEqual(finished.status, 0, "A driver without a device served a client.")
        return finished.errors

    def test_manages_nothing(self):
        log = self.let_it_try("strict")
        managed = re.findall(r"hostile driver: managed (\d+) of (\d+)", log)
        self.assertTrue(managed, log)
        self.assertEqual({number for number, _ in managed}, {"0"}, log)
        for call in ("socket", "kill"):
            self.assertIn(f"refuses the system call {call} (", log)
        self.assertEqual(self.host.file.read_text(), "mine")

    def test_manages_a_lot_without_a_sandbox(self):
        log = self.let_it_try("off")
        for feat in ("reads a file", "connects to a port", "runs a program", "starts a process", "signals its parent"):
            self.assertIn(f"hostile driver: {feat}", log)

    def test_attacks_end_the_worker_and_are_named(self):
        for level in "strict", "basic":
            for attack in "ptrace", "mount", "unshare", "process_vm_readv", "userfaultfd", "keyctl":
                with self.subTest(level=level, attack=attack):
                    log = self.let_it_try(level, HESPER_TEST_ATTACK=attack)
                    self.assertIn(f"error: The sandbox refuses the system call {attack} (", log)
                    self.assertIn(f"signal {signal.SIGSYS.value} ", log)
                    self.assertNotIn("returns", log)


class Screens(TestCase):
    """hesper-view, which faces networks."""

    def setUp(self):
        super().setUp()
        self.source = self.start(Synthetic, self.scratch, "--content", "counter", "--rate", 20, "--mode", "640x480")

    def outputs(self):
        return ["--web", "--vnc", "127.0.0.1:0", "--report", self.scratch.path / "report", "--trace", self.scratch.path / "trace"]

    def test_strict_has_nothing_left(self):
        view = self.start(View, self.scratch, self.source.socket, *self.outputs(), "--verbose")
        view.says("web: http")
        view.says("The sandbox is strict \\(.*lists of hesper-view\\)")
        self.assertNotIn("refuses the system call", view.log())
        process = view.process.pid
        status = status_of(process)
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(status[capabilities], 16), 0, capabilities)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        self.assertEqual(len(children_of(process)), 1, "There is not just the process for errands.")
        if os.geteuid() != 0:
            self.assertRaises(PermissionError, os.readlink, f"/proc/{process}/ns/mnt")
            return
        for name in ("mnt", "net", "ipc", "uts", "cgroup"):
            self.assertNotEqual(os.readlink(f"/proc/{process}/ns/{name}"), os.readlink(f"/proc/self/ns/{name}"), name)
        self.assertFalse({"etc", "usr", "home"} & set(os.listdir(f"/proc/{process}/root")))

    def test_a_display_that_comes_later_gets_its_port(self):
        source = self.start(Synthetic, self.scratch, "--mode", "640x480", "--mode", "off")
        view = self.start(View, self.scratch, source.socket, "--vnc", "127.0.0.1:0", "--sandbox", "strict")
        first = view.says(r"vnc: 127\.0\.0\.1:(\d+)\n").group(1)
        source.order("mode 1 320x240")
        later = view.says(r"vnc: 127\.0\.0\.1:(\d+) \(display 1\)").group(1)
        for port in first, later:
            with socket.create_connection(("127.0.0.1", int(port)), 20) as viewer:
                self.assertEqual(viewer.recv(12, socket.MSG_WAITALL), b"RFB 003.008\n")

    def test_a_window_takes_the_basic_one(self):
        screen = self.start(Screen, self.scratch)
        view = self.start(View, self.scratch, self.source.socket, "--window", "--window-renderer", "software", "-v", DISPLAY=screen.display)
        view.says(r"The sandbox is basic \(")
        view.says("It is not strict: a window takes")
        status = status_of(view.process.pid)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"], int(status["CapEff"], 16)), ("1", "2", 0))

    def test_paths_are_removed_and_its_errands_end_with_it(self):
        path = self.scratch.path / "vnc"
        view = self.start(View, self.scratch, self.source.socket, *self.outputs(), "--vnc", f"unix:{path}")
        view.says("vnc: unix")
        (errands,) = children_of(view.process.pid)
        wait_until(lambda: (self.scratch.path / "report").exists(), 20, "It reports nowhere.")
        view.process.terminate()
        self.assertEqual(view.process.wait(20), 0)
        self.assertFalse(path.exists() or (self.scratch.path / "report").exists())
        self.assertFalse(os.path.exists(f"/proc/{errands}"))

    def test_errands_end_when_it_is_killed(self):
        view = View(self.scratch, self.source.socket, "--trace", self.scratch.path / "trace")
        self.addCleanup(view.kill)
        wait_until(lambda: children_of(view.process.pid) and status_of(view.process.pid)["Seccomp"] == "2", 20, "It does not begin.")
        (errands,) = children_of(view.process.pid)
        view.process.kill()
        wait_until(lambda: not os.path.exists(f"/proc/{errands}") or status_of(errands)["State"][0] == "Z", 20, "They go on.")

    def let_codec_try(self, level, **variables):
        """Its report, and all else that is logged. The codec is opened with the first picture."""
        host = Host(self) if not hasattr(self, "host") else self.host
        self.host = host
        command = [PROGRAMS / "hesper-view", "--socket", self.source.socket, f"--sandbox={level}", "--vnc", "127.0.0.1:0"]
        command += ["--record", self.scratch.path / f"{level}.mp4", "--record-quiet"]
        environment = self.scratch.environment() | host.variables | variables
        environment["LD_PRELOAD"] = str(client("libhostile_codec.so"))
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        # The recording is over when its codec fails, the VNC server is not.
        too_late = threading.Timer(60, process.kill)
        too_late.start()
        self.addCleanup(too_late.cancel)
        log = ""
        for line in process.stderr:
            log += line
            if "hostile codec: managed" in line:
                process.kill()
        return log, process.wait()

    def test_a_codec_manages_nothing(self):
        log, _ = self.let_codec_try("strict")
        self.assertRegex(log, r"hostile codec: managed 0 of \d+", log)
        for call in ("socket", "connect"):
            self.assertIn(f"The sandbox refuses the system call {call} (", log)
        self.assertEqual(self.host.file.read_text(), "mine")

    def test_a_codec_starts_no_program_in_the_basic_one(self):
        log, _ = self.let_codec_try("basic")
        self.assertRegex(log, r"hostile codec: managed \d+ of \d+")
        self.assertNotIn("runs a program", log)
        self.assertNotIn("reads its parent's memory", log)

    def test_a_codec_manages_a_lot_without_a_sandbox(self):
        log, _ = self.let_codec_try("off")
        for feat in ("reads a file", "connects to a port", "connects to a socket of", "listens", "runs a program"):
            self.assertIn(f"hostile codec: {feat}", log)

    def test_attacks_end_it_and_are_named(self):
        for attack in "ptrace", "mount", "unshare", "sendmsg":
            with self.subTest(attack=attack):
                log, status = self.let_codec_try("strict", HESPER_TEST_ATTACK=attack)
                self.assertEqual(status, -signal.SIGSYS)
                self.assertIn(f"error: The sandbox refuses the system call {attack} (", log)

    def test_windows_and_unknown_levels_are_refused_in_a_sentence(self):
        for options, said in (
            (["--window", "--sandbox", "strict"], "Windows take a display server"),
            (["--trace", "-", "--sandbox", "lax"], "lax"),
        ):
            with self.subTest(options=options):
                command = [HESPER, "view", "--socket", self.source.socket, *options]
                finished = run(command, self.scratch.environment(), 20)
                self.assertNotEqual(finished.status, 0)
                self.assertIn(said, finished.errors)


if __name__ == "__main__":
    unittest.main()
