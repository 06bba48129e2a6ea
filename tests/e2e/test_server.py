# hesper vtest: many clients, and clients and workers that misbehave, at one server.
import os
import random
import signal
import struct
import subprocess
import time
import unittest

import vtest
from support import BACKPORTS, HESPER, Server, TestCase, client, end_group, run, wait_until


class ServerTest(TestCase):
    def setUp(self):
        super().setUp()
        self.server = self.start(Server, self.scratch)

    def many(self, *options, timeout=60):
        finished = run([client("many"), *map(str, options)], self.server.environment(BACKPORTS), timeout)
        self.assertEqual(finished.status, 0, f"{finished}\n{self.server.log()}")

    def in_background(self, *options):
        process = subprocess.Popen(
            [client("many"), *map(str, options)],
            env=self.server.environment(BACKPORTS),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.addCleanup(end_group, process)
        return process

    def wait_for_workers(self, count):
        wait_until(
            lambda: len(self.server.workers()) == count,
            20,
            f"The server has not {count} workers. Its log:\n{self.server.log()}",
        )


class ManyClients(ServerTest):
    MEMORY_TOLERANCE = 512 * 1024  # bytes: the allocator's pages, not something a client leaves behind

    def test_200_in_a_row_leave_nothing_behind(self):
        self.many("--count", 5)  # what is allocated once and kept
        self.wait_for_workers(0)
        before = self.settled_use()
        self.many("--count", 200, timeout=240)
        self.wait_for_workers(0)
        after = self.settled_use()
        self.assertEqual(after["descriptors"], before["descriptors"])
        self.assertEqual(after["threads"], before["threads"])
        self.assertLessEqual(after["memory"], before["memory"] + self.MEMORY_TOLERANCE)

    def settled_use(self):
        """What the server holds once it has noticed the end of the last worker, which is a moment after that end."""
        use, deadline = None, time.monotonic() + 20
        while time.monotonic() < deadline:
            previous, use = use, self.server.use()
            if previous is not None and previous["descriptors"] == use["descriptors"]:
                return use
            time.sleep(0.5)
        raise AssertionError("The server's descriptors do not settle.")

    def test_16_at_once(self):
        self.many("--count", 48, "--at-once", 16, timeout=120)
        self.wait_for_workers(0)


class Misbehaviour(ServerTest):
    def expect_end(self, connection):
        """The server must hang up, whatever it sends before."""
        try:
            while connection.recv(4096):
                pass
        except ConnectionResetError:
            pass  # the kinder way for Mesa, which would spin on a plain end of file
        finally:
            connection.close()

    def misbehave(self, *messages):
        """Sends while a good client works; both must end as they should."""
        good = self.in_background("--count", 1, "--hold-ms", 1500)
        self.wait_for_workers(1)
        connection = self.server.connect()
        for each in messages:
            if callable(each):
                each(connection)
                continue
            try:
                connection.sendall(each)
            except (BrokenPipeError, ConnectionResetError):
                break  # refused before all was said
        self.expect_end(connection)
        self.assertEqual(good.wait(timeout=30), 0, f"The good client failed. Log:\n{self.server.log()}")
        self.wait_for_workers(0)
        self.many("--count", 1)

    def test_garbage_instead_of_vtest(self):
        self.misbehave(random.Random(1).randbytes(4096))

    def test_a_message_of_4_gib(self):
        self.misbehave(struct.pack("<II", 0xFFFFFFFF, vtest.CREATE_RENDERER))

    def test_garbage_instead_of_a_venus_stream(self):
        words = [random.Random(2).getrandbits(32) for _ in range(1024)]
        self.misbehave(vtest.start_venus, vtest.submission(words))

    def test_a_venus_command_cut_short(self):
        create_instance, generate_reply = 0, 1
        self.misbehave(vtest.start_venus, vtest.submission([create_instance, generate_reply]))

    def test_a_batch_outside_of_its_message(self):
        batch = [1, 9, 0xFFFFFFF0, 0, 0, 0, 0, 0]
        self.misbehave(vtest.start_venus, vtest.message(vtest.SUBMIT_CMD2, 1, *batch))

    def test_a_client_that_leaves_in_the_middle_of_a_message(self):
        connection = self.server.connect()
        vtest.start_venus(connection)
        connection.sendall(vtest.submission([0] * 64)[:40])
        connection.close()
        self.wait_for_workers(0)
        self.many("--count", 1)

    def test_a_client_that_says_nothing_is_no_burden(self):
        connection = self.server.connect()
        self.addCleanup(connection.close)
        self.wait_for_workers(1)
        worker = self.server.workers()[0]

        def ticks():
            with open(f"/proc/{worker}/stat") as stat:
                return sum(map(int, stat.read().rpartition(")")[2].split()[11:13]))

        time.sleep(0.3)
        before = ticks()
        time.sleep(1)
        self.assertLessEqual(ticks() - before, 1)
        self.many("--count", 1)


class HostilePrograms(ServerTest):
    """Programs that break Vulkan's rules through an unmodified driver: each loses its own worker, at worst."""

    SECONDS_TO_END = 30  # as of KilledWorker

    def do(self, deed, **environment):
        good = self.in_background("--count", 1, "--hold-ms", 1500)
        self.wait_for_workers(1)
        finished = run([client("hostile"), "--deed", deed], self.server.environment(BACKPORTS) | environment,
                       self.SECONDS_TO_END)
        self.assertEqual(good.wait(timeout=30), 0, f"The good client failed. Log:\n{self.server.log()}")
        self.many("--count", 1)
        return finished

    def expect_end(self, deed, sentence):
        finished = self.do(deed)
        self.assertNotEqual(finished.status, 0, f"'{deed}' had no consequence.\n{finished}")
        self.assertIn(sentence, self.server.log())

    def test_a_shader_that_reaches_past_its_end(self):
        self.expect_end("bad-shader", "not SPIR-V that can be walked")

    def test_a_constant_outside_of_its_data(self):
        self.expect_end("specialization", "goes past the array that it is about")

    def test_an_attachment_that_does_not_exist(self):
        self.expect_end("attachment", "goes past the array that it is about")

    def test_a_copy_from_outside_of_a_buffer(self):
        self.do("copy")  # whatever becomes of its driver and of the program, others go on

    def test_memory_ends_with_the_budget(self):
        # Otherwise Mesa takes every allocation for a success, and is lost when it uses one that was none.
        finished = self.do("spend-memory", VN_PERF="no_async_mem_alloc")
        self.assertEqual(finished.status, 0, f"{finished}\n{self.server.log()}")
        self.assertRegex(finished.output, r"^(2[5-9]|3[0-2]) pieces", "The budget of 2 GiB is not what was given.")


class KilledWorker(ServerTest):
    SECONDS_TO_END = 30  # Mesa looks at its ring's alive bit every few seconds, more seldom the longer it waits

    def test_its_client_ends_and_others_go_on(self):
        victim = self.in_background("--count", 1, "--hold-ms", 500)
        self.wait_for_workers(1)
        worker = self.server.workers()[0]
        other = self.in_background("--count", 1, "--hold-ms", 4000)
        self.wait_for_workers(2)
        os.kill(worker, signal.SIGKILL)
        self.assertNotEqual(victim.wait(timeout=self.SECONDS_TO_END), 0, "A client without a worker reported success.")
        self.assertEqual(other.wait(timeout=30), 0)
        self.assertIn("signal 9", self.server.log())
        self.many("--count", 1)


class Socket(ServerTest):
    def test_a_socket_in_use_is_refused(self):
        second = run([HESPER, "vtest", "--socket", self.server.socket], self.scratch.environment(), 20)
        self.assertNotEqual(second.status, 0)
        self.assertIn("in use", second.errors)
        self.many("--count", 1)


if __name__ == "__main__":
    unittest.main()
