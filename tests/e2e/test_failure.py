# What becomes of a client whose worker fails, hangs, spins, crashes, is stopped or killed; and that others do not notice.
import json
import os
import signal
import subprocess
import time
import unittest

from support import BACKPORTS, NATIVE_ICD, PROGRAMS, STABLE, Server, TestCase, client, end_group, launcher, wait_until

TROUBLE = PROGRAMS / "drivers" / "trouble.json"
SECONDS_TO_END = 2.0  # from the end of a worker to that of its client
INITIALIZATION_FAILED = -3
SLACK = 1.0  # of a busy machine


class FailureTest(TestCase):
    def serve(self, *options, trouble=None):
        """A server, with the trouble in the workers of clients that call themselves unlucky."""
        variables = {"HESPER_LOG": "debug"}  # names the process of each client
        if trouble is None:
            return self.start(Server, self.scratch, options, **variables)
        variables["HESPER_TROUBLE"] = f"{trouble}:unlucky"
        variables["HESPER_TROUBLE_DRIVER"] = json.loads(NATIVE_ICD.read_text())["ICD"]["library_path"]
        return self.start(Server, self.scratch, options, TROUBLE, **variables)

    def launch(self, server, mesa, *command, name="lucky"):
        process = subprocess.Popen(
            list(map(str, command)),
            env=server.environment(mesa, HESPER_CLIENT_NAME=name),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(end_group, process)
        return process

    def bystander(self, server):
        """A client that works all the time, and checks what it computes."""
        return self.launch(server, BACKPORTS, client("many"), "--count", 12)

    def expect_undisturbed(self, bystander, server):
        self.assertEqual(bystander.wait(timeout=60), 0, f"Another client was disturbed.\n{server.log()}")

    def expect_prompt_end(self, process, since, server):
        """since: time.monotonic() of its worker's end."""
        try:
            status = process.wait(timeout=max(0.0, since + SECONDS_TO_END + SLACK - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.fail(f"The client of a dead worker still runs after {SECONDS_TO_END + SLACK} s.\n{server.log()}")
        self.assertNotEqual(status, 0, "A client without a worker reported success.")
        return status

    def wait_for_log(self, server, text, timeout=20):
        wait_until(lambda: text in server.log(), timeout, f"The log does not say '{text}':\n{server.log()}")
        return time.monotonic()


class Driver(FailureTest):
    """A driver that goes wrong in a command. None of these is among those with which a worker tries its host out."""

    def goes_wrong(self, how, command, *options, says, name):
        server = self.serve(*options, trouble=f"{how}:{command}:1")
        bystander = self.bystander(server)
        victim = self.launch(server, BACKPORTS, client("wait"), name="unlucky")
        end = self.wait_for_log(server, says)
        self.expect_prompt_end(victim, end, server)
        self.assertIn(name, server.log())
        self.assertIn("(sandbox strict),", server.log())
        self.expect_undisturbed(bystander, server)

    def test_crashes(self):
        name = "was in vkCreateDescriptorSetLayout"
        self.goes_wrong("crash", "vkCreateDescriptorSetLayout", says="signal 11", name=name)

    def test_gives_up(self):
        self.goes_wrong("exit", "vkCreateDescriptorPool", says="by an exit()", name="was in vkCreateDescriptorPool")

    def test_hangs(self):
        name = "has been in vkCreatePipelineLayout for"
        self.goes_wrong("hang", "vkCreatePipelineLayout", "--watchdog", "1", says="is killed", name=name)

    def test_spins(self):
        name = "has been in vkUpdateDescriptorSets for"
        self.goes_wrong("spin", "vkUpdateDescriptorSets", "--watchdog", "1", says="is killed", name=name)

    def test_hangs_in_a_command_that_may_take_longer(self):
        start = time.monotonic()
        name = "has been in vkCreateComputePipelines for"
        self.goes_wrong("hang", "vkCreateComputePipelines", "--watchdog", "0.2", says="is killed", name=name)
        self.assertGreater(time.monotonic() - start, 12 * 0.2)

    def fails(self, command, call):
        """The client gets to know in its own way, and no process suffers."""
        server = self.serve(trouble=f"{INITIALIZATION_FAILED}:{command}:{call}")
        victim = self.launch(server, BACKPORTS, client("many"), "--count", 1, name="unlucky")
        self.assertNotEqual(victim.wait(timeout=30), 0)
        self.expect_undisturbed(self.bystander(server), server)
        self.assertIn(f"trouble: {INITIALIZATION_FAILED} in {command}", server.log())
        self.assertNotIn("by signal", server.log())

    def test_fails_to_make_an_instance(self):
        self.fails("vkCreateInstance", 1)

    def test_fails_to_make_a_device(self):
        self.fails("vkCreateDevice", 2)  # the first is that of a trial, after which the worker looks for another way


class Worker(FailureTest):
    """A worker that is killed or stopped, whatever its client waits for."""

    STATES = {
        "idle": ("many", "--count", 1, "--hold-ms", 60000),
        "a fence behind a semaphore": ("wait", "--behind", "semaphore", "--in", "fence"),
        "the state of a fence": ("wait", "--behind", "semaphore", "--in", "status"),
        "a timeline semaphore": ("wait", "--behind", "semaphore", "--in", "timeline"),
        "the end of a queue's work": ("wait", "--behind", "semaphore", "--in", "idle"),
        "a fence behind an endless shader": ("wait", "--behind", "shader", "--in", "fence"),
    }

    def ends(self, mesa, number):
        server = self.serve()
        bystander = self.bystander(server)
        for state, (program, *options) in self.STATES.items():
            with self.subTest(state):
                victim = self.launch(server, mesa, client(program), *options)
                if program == "wait":
                    self.assertEqual(victim.stdout.readline(), "waiting\n", server.log())
                wait_until(lambda: server.workers_of(victim), 20, "There is no worker.")
                time.sleep(0.5)
                os.kill(server.workers_of(victim)[0], number)
                end = time.monotonic() + (1.0 if number == signal.SIGSTOP else 0.0)  # until it is killed
                self.expect_prompt_end(victim, end, server)
        self.expect_undisturbed(bystander, server)

    def test_killed_stable_client(self):
        self.ends(STABLE, signal.SIGKILL)

    def test_killed_backports_client(self):
        self.ends(BACKPORTS, signal.SIGKILL)

    def test_stopped(self):
        self.ends(BACKPORTS, signal.SIGSTOP)

    def test_with_endless_work_ends_after_its_client(self):
        server = self.serve()
        victim = self.launch(server, BACKPORTS, client("wait"), "--behind", "shader", "--in", "fence")
        self.assertEqual(victim.stdout.readline(), "waiting\n", server.log())
        victim.kill()
        wait_until(lambda: not server.workers(), 15, "The worker of a client that has left runs on.")


class Scarcity(FailureTest):
    """A server whose workers get too little of something. Whatever they can do with it, the server lives."""

    def limited(self, *limits):
        server = self.serve()
        # The server starts its workers with its own limits; what it needs itself it has by now.
        subprocess.run(["prlimit", "--pid", str(server.process.pid), *limits], check=True)
        victim = self.launch(server, BACKPORTS, client("many"), "--count", 1)
        try:
            victim.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.fail(f"With {limits} a client hangs.\n{server.log()}")
        self.assertIsNone(server.process.poll(), f"With {limits} the server has ended.\n{server.log()}")
        server.close()

    def test_of_file_descriptors(self):
        for count in (12, 16, 20, 24, 32, 64):
            self.limited(f"--nofile={count}:{count}")

    def test_of_memory(self):
        for mib in (64, 128, 256, 512, 1024):
            self.limited(f"--as={mib << 20}:{mib << 20}")

    def test_of_room_on_disk(self):
        self.limited("--fsize=4096:4096")

    def test_of_file_descriptors_in_a_worker(self):
        """Each allocation that a client can map takes one."""
        server = self.serve("--max-fds", "64")
        bystander = self.bystander(server)
        victim = self.launch(server, BACKPORTS, client("compute"), "--allocations", 200, "--big-mib", 8)
        self.assertNotEqual(victim.wait(timeout=60), 0)
        self.assertIn("Too many open files", server.log())
        self.assertNotIn("by signal", server.log())
        self.expect_undisturbed(bystander, server)

    def test_of_room_for_the_log(self):
        with open("/dev/full", "w") as full:
            finished = subprocess.run(
                [*launcher(BACKPORTS), client("many"), "--count", "1"],
                env=self.scratch.environment(HESPER_LOG="debug"),
                stdout=subprocess.DEVNULL,
                stderr=full,
                timeout=60,
            )
        self.assertEqual(finished.returncode, 0)


if __name__ == "__main__":
    unittest.main()
