# Chaos: kills and stops workers at random moments while real clients run, and sees that each client of a dead worker
# ends in time, that one undisturbed client never notices, and that nothing is left behind. `./dev chaos` calls it;
# test_chaos runs a few rounds.
import argparse
import concurrent.futures
import contextlib
import dataclasses
import os
import random
import signal
import subprocess
import sys
import threading
import time

from support import BACKPORTS, STABLE, Scratch, Screen, Server, client, end_group

SECONDS_TO_END = 2.0  # from a worker's end to its client's
SECONDS_STOPPED = 1.0  # until the supervisor kills a stopped worker
PROGRAMS = {
    "many": [client("many"), "--count", "3", "--hold-ms", "200"],
    "compute": [client("compute"), "--allocations", "50", "--big-mib", "8"],
    "scene": [client("scene")],
    "wait for a fence": [client("wait"), "--in", "fence"],
    "wait for idle": [client("wait"), "--in", "idle"],
    "endless shader": [client("wait"), "--behind", "shader"],
    "headless swapchain": [client("swapchain")],
    "vkcube": ["vkcube", "--wsi", "xcb"],
}
PRESENTING = ("headless swapchain", "vkcube")  # which Mesa 25.0 cannot do with this server


@dataclasses.dataclass
class Round:
    number: int
    mesa: str
    program: str
    signal: int
    delay: float  # seconds from the start of the client

    def __str__(self):
        return f"round {self.number}: {signal.Signals(self.signal).name} after {self.delay:.2f} s in '{self.program}' ({self.mesa})"


def plan(rounds, seed):
    choice = random.Random(seed)
    programs = [choice.choice(sorted(PROGRAMS)) for _ in range(rounds)]
    return [
        Round(
            number=number,
            mesa=BACKPORTS if program in PRESENTING else choice.choice((STABLE, BACKPORTS)),
            program=program,
            signal=choice.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP)),
            delay=choice.uniform(0.0, 1.5) ** 2,  # more of them early: starts are the busiest time
        )
        for number, program in enumerate(programs, start=1)
    ]


class Chaos:
    def __init__(self, slack):
        self.slack = slack  # seconds more than the promise, for a busy machine
        self.scratch = Scratch()
        self.server = Server(self.scratch, HESPER_LOG="debug")
        self.screen = Screen(self.scratch)
        self.failures = []
        self.longest = 0.0
        self.hits = 0  # rounds in which there was a worker to end
        self._stop = threading.Event()
        self._undisturbed = threading.Thread(target=self._run_undisturbed)
        self.undisturbed_runs = 0

    def run(self, rounds, at_once, progress):
        self._undisturbed.start()
        try:
            with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
                for done, _ in enumerate(pool.map(self._guarded, rounds), start=1):
                    progress(done)
        finally:
            self._stop.set()
            self._undisturbed.join()
        self._expect_nothing_left()
        self.server.close()
        self.screen.close()
        self.scratch.close()

    def _fail(self, text):
        self.failures.append(text)

    def _guarded(self, each):
        try:
            self._play(each)
        except Exception as error:  # one round's trouble must not end the others
            self._fail(f"{each}: {error!r}")

    def _start(self, mesa, command):
        return subprocess.Popen(
            command,
            env=self.server.environment(mesa, DISPLAY=self.screen.display),
            cwd=self.scratch.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _play(self, each):
        since = len(self.server.log())
        victim = self._start(each.mesa, PROGRAMS[each.program])
        try:
            time.sleep(each.delay)
            hit = None
            alive = self.server.workers()  # by now another process may have the id of one that has ended
            for worker in set(self.server.workers_of(victim, since)).intersection(alive):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, each.signal)
                    hit = time.monotonic()
            if hit is None:
                return  # it has not started yet, or is done
            self.hits += 1
            limit = SECONDS_TO_END + (SECONDS_STOPPED if each.signal == signal.SIGSTOP else 0.0)
            try:
                victim.wait(timeout=limit + self.slack)
            except subprocess.TimeoutExpired:
                return self._fail(f"{each}: the client still runs {limit + self.slack:.1f} s later.")
            self.longest = max(self.longest, time.monotonic() - hit - (limit - SECONDS_TO_END))
        finally:
            end_group(victim)

    def _run_undisturbed(self):
        while not self._stop.is_set():
            since = len(self.server.log())
            process = self._start(BACKPORTS, [client("many"), "--count", "5"])
            if (status := process.wait(timeout=120)) != 0:
                about = [line for line in self.server.log()[since:].splitlines() if f"(process {process.pid})" in line]
                self._fail(
                    "\n".join((f"The undisturbed client's run {self.undisturbed_runs + 1} ends with {status}:", *about))
                )
            self.undisturbed_runs += 1

    def _expect_nothing_left(self):
        end = time.monotonic() + 20
        while self.server.workers() and time.monotonic() < end:
            time.sleep(0.1)
        if self.server.workers():
            self._fail(f"Workers are left: {self.server.workers()}.")
        if self.server.process.poll() is not None:
            self._fail(f"The server has ended with status {self.server.process.returncode}.")
        descriptors = self.server.use()["descriptors"]
        if descriptors > 16:
            self._fail(f"The server holds {descriptors} descriptors without a client.")


def main():
    parser = argparse.ArgumentParser(prog="./dev chaos", description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--at-once", type=int, default=4, help="clients beside each other (default 4)")
    parser.add_argument("--slack", type=float, default=1.0, help="seconds beside the 2 that clients have to end")
    arguments = parser.parse_args()
    print(f"{arguments.rounds} rounds, --seed {arguments.seed}", flush=True)
    chaos = Chaos(arguments.slack)
    start = time.monotonic()

    def progress(done):
        if sys.stdout.isatty() or done % 50 == 0 or done == arguments.rounds:
            print(f"\r{done} rounds, {len(chaos.failures)} failures", end="" if sys.stdout.isatty() else "\n", flush=True)

    chaos.run(plan(arguments.rounds, arguments.seed), arguments.at_once, progress)
    print(
        f"\n{arguments.rounds} rounds in {time.monotonic() - start:.0f} s: {chaos.hits} workers ended, the slowest client "
        f"ended {chaos.longest:.1f} s later; the undisturbed client ran {chaos.undisturbed_runs} times; "
        f"{len(chaos.failures)} failures."
    )
    for failure in chaos.failures:
        print(failure)
    return 1 if chaos.failures else 0


if __name__ == "__main__":
    sys.exit(main())
