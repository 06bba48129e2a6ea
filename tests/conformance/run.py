#!/usr/bin/env python3
"""Runs a sample of the Vulkan conformance tests natively and through Hesper, and compares case by case. The suite itself
is not part of Hesper: docs/conformance.md tells how it is built. A run keeps its state in a folder, and continues where
it was when it is started again. This is a comparison of a sample, no conformance submission."""
import argparse
import dataclasses
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time

import cases
import process
import verdict
from state import HESPER, NATIVE, SIDES, Disagrees, State

HERE = pathlib.Path(__file__).resolve().parent
TRIAL = "dEQP-VK.info.device"  # passes wherever there is a device
PATIENCE = 5  # a case alone gets so many times the limit: on a busy machine a slow case looks like one that hangs


class Refused(Exception):
    """Nothing can be run; the text says why."""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    suite = parser.add_argument_group("the suite and the drivers")
    suite.add_argument("--deqp", type=pathlib.Path, required=True, help="the program deqp-vk")
    suite.add_argument("--archive-dir", type=pathlib.Path, help="folder that has its data, vulkan/ (default: deqp-vk's)")
    suite.add_argument("--hesper", default="hesper", help="the program hesper (default: from PATH)")
    suite.add_argument("--icd", default=os.environ.get("HESPER_VENUS_ICD"), help="manifest of the Venus driver")
    suite.add_argument("--host-driver", help="manifest of the host's driver, for both ways")
    suite.add_argument("--hesper-option", action="append", default=[], help="one more option of hesper exec; repeatable")
    sample = parser.add_argument_group("the cases")
    sample.add_argument("--caselist", type=pathlib.Path, help="list of all cases, or a folder of lists (default: deqp-vk's)")
    sample.add_argument("--exclude", type=pathlib.Path, action="append", default=[],
                        help="file of patterns to leave out; repeatable")
    sample.add_argument("--cases", type=int, default=3000, help="size of the sample (default: %(default)s)")
    sample.add_argument("--seed", type=int, default=1, help="of the sample (default: %(default)s)")
    sample.add_argument("--cases-from", type=pathlib.Path, help="run exactly the cases in this file instead")
    how = parser.add_argument_group("the run")
    how.add_argument("--state", type=pathlib.Path, required=True, help="folder for its state, results and summary")
    how.add_argument("--jobs", type=int, default=1, help="processes at a time (default: %(default)s)")
    how.add_argument("--chunk", type=int, default=300, help="cases for one process (default: %(default)s)")
    how.add_argument("--case-limit", type=float, default=60, help="seconds for one case (default: %(default)s)")
    how.add_argument("--minutes", type=float, help="start nothing more after this time")
    how.add_argument("--side", choices=SIDES, help="run only one way")
    how.add_argument("--share-shaders", action="store_true",
                     help="compile each shader once for both ways, also in Mesa's drivers; their speeds cannot be compared")
    how.add_argument("--redo", help="forget Hesper's results for cases that match this pattern first")
    how.add_argument("--redo-bad", action="store_true",
                     help="forget Hesper's results that are worse than native, and not known, first")
    how.add_argument("--known", type=pathlib.Path, default=HERE / "known.txt", help="list of known differences")
    how.add_argument("--summary", action="store_true", help="run nothing, write the summary of what is there")
    options = parser.parse_args()
    options.archive_dir = options.archive_dir or options.deqp.parent
    options.hesper = shutil.which(options.hesper) or options.hesper
    return options


def suite_of(options):
    common = dict(os.environ)
    launcher = [os.path.abspath(options.hesper), "exec"]
    if options.share_shaders:
        cache = str((options.state / "driver-cache").resolve())
        common["MESA_SHADER_CACHE_DIR"] = cache
        launcher += ["--shader-cache", cache]
    else:  # caches would make the second way look faster than the first
        common |= {"MESA_SHADER_CACHE_DISABLE": "true", "__GL_SHADER_DISK_CACHE": "0"}
    if options.icd:
        launcher += ["--icd", options.icd]
    native = dict(common)
    if options.host_driver:
        launcher += ["--host-driver", options.host_driver]
        native["VK_DRIVER_FILES"] = options.host_driver
    return process.Suite(
        deqp=options.deqp.resolve(),
        data=options.archive_dir.resolve(),
        native_environment=native,
        hesper_environment=common,
        hesper_launcher=[*launcher, *options.hesper_option, "--"],
        case_limit=options.case_limit,
    )


def full_list(options):
    """Paths of files that together list all cases."""
    if options.caselist and options.caselist.is_dir():
        return sorted(options.caselist.rglob("*.txt"))
    if options.caselist:
        return [options.caselist]
    path = options.state / "dEQP-VK.txt"  # there is a second package, dEQP-VK-experimental, which is left out
    if not path.exists():
        say("Asking deqp-vk for the list of all cases.")
        path.parent.mkdir(parents=True, exist_ok=True)
        pattern = path.resolve().parent / "${packageName}.txt"
        command = [options.deqp.resolve(), f"--deqp-archive-dir={options.archive_dir.resolve()}",
                   "--deqp-runmode=txt-caselist", f"--deqp-caselist-export-file={pattern}"]
        environment = dict(os.environ)
        if options.host_driver:
            environment["VK_DRIVER_FILES"] = options.host_driver
        finished = subprocess.run(command, cwd=options.state, env=environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        if finished.returncode != 0 or not path.exists():
            path.unlink(missing_ok=True)
            raise Refused(f"deqp-vk wrote no list of cases (status {finished.returncode}):\n{finished.stdout[-2000:]}")
    return [path]


def choose(options):
    if options.cases_from:
        return list(cases.read([options.cases_from]))
    paths = full_list(options)
    excluded = cases.Matcher(cases.patterns(options.exclude))
    return cases.sample(lambda: (name for name in cases.read(paths) if not excluded(name)), options.seed, options.cases)


def say(text):
    print(text, file=sys.stderr, flush=True)


class Run:
    def __init__(self, options, suite, state):
        self._options, self._suite, self._state = options, suite, state
        self._end = time.monotonic() + options.minutes * 60 if options.minutes else None
        self._stopped = threading.Event()
        self._failure = None

    def stop(self):
        self._stopped.set()

    def over(self):
        return self._stopped.is_set() or (self._end is not None and time.monotonic() > self._end)

    def try_both_ways(self):
        """Raises if the suite does not run at all, which would otherwise look like so many crashes."""
        for side in [self._options.side] if self._options.side else SIDES:
            outcome = process.run(self._suite, side, [TRIAL])
            if not any(result.status in verdict.GOOD for result in outcome.results):
                raise Refused(f"{TRIAL} does not pass ({side}). {outcome.ending}\n{outcome.output}")

    def in_parallel(self, work, items):
        """Calls work(item) for each in options.jobs threads, until it is over."""
        todo = queue.SimpleQueue()
        for item in items:
            todo.put(item)

        def take():
            while not self.over():
                try:
                    item = todo.get_nowait()
                except queue.Empty:
                    return
                try:
                    work(item)
                except Exception as error:  # a full disk, say; the others need not go on
                    self._failure = error
                    self.stop()

        threads = [threading.Thread(target=take, daemon=True) for _ in range(self._options.jobs)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            self.stop()
            for thread in threads:
                thread.join()
            raise
        if self._failure:
            raise self._failure

    def chunk(self, side, names, shader_cache):
        """Runs what is left of a chunk. A process that dies takes one case with it, and another does the rest."""
        state = self._state
        barren = 0  # processes in a row that ended without a single result
        while not self._stopped.is_set():
            left = [name for name in names if name not in state.results[side]]
            if not left:
                return
            if barren == 2:  # it dies before the first case: one by one, to find the one to blame
                for name in left:
                    self.alone(side, name, lambda result: state.add(side, result))
                return
            outcome = process.run(self._suite, side, left, shader_cache, self._stopped.is_set,
                                  lambda result: state.add(side, result))
            state.add_process(side, outcome)
            barren = 0 if outcome.results else barren + 1

    def alone(self, side, name, add):
        """Runs one case, with patience; it has a result afterwards, unless the run was stopped."""
        patient = dataclasses.replace(self._suite, case_limit=self._suite.case_limit * PATIENCE)
        outcome = process.run(patient, side, [name], stop=self._stopped.is_set)
        for result in outcome.results:
            add(result)
        if outcome.results or self._stopped.is_set():
            return
        if outcome.ending:
            add(process.Result(name, process.CRASH, outcome.ending, 0.0, outcome.output))
        else:
            add(process.Result(name, process.UNKNOWN, "deqp-vk does not know it.", 0.0, outcome.output))

    def both_ways(self, numbered):
        number, names = numbered
        shared = self._state.folder / f"shaders-{number}.bin" if self._options.share_shaders else None
        for side in [self._options.side] if self._options.side else SIDES:
            self.chunk(side, names, shared)
        if shared:
            shared.unlink(missing_ok=True)
        done = min(len(self._state.results[side]) for side in SIDES)
        say(f"{time.strftime('%H:%M:%S')}  chunk {number} done; {done} cases ran both ways")

    def again(self, case):
        """A case that was worse through Hesper, alone, both ways."""
        for side in (HESPER, NATIVE):
            if case not in self._state.alone[side]:
                self.alone(side, case, lambda result: self._state.add_alone(side, result))


def forget(options, state, known):
    if options.redo:
        state.forget(HESPER, cases.Matcher([options.redo]))
    if options.redo_bad:
        bad = {
            case for case, what, _, now in verdict.verdicts(state)
            if what in (*verdict.BAD, verdict.MISSING) and not known.reason(what, now)
        }
        state.forget(HESPER, bad.__contains__)


def main():
    options = arguments()
    known = verdict.Known(options.known)
    state = State(options.state)
    settings = {
        "suite": str(options.deqp.resolve()),
        "seed": options.seed,
        "cases": str(options.cases_from or options.cases),
    }
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    names = state.settle(settings, lambda: choose(options))
    forget(options, state, known)
    run = Run(options, suite_of(options), state)
    try:
        if not options.summary:
            run.try_both_ways()
            pieces = list(enumerate(cases.chunks(names, options.chunk, options.seed)))
            run.in_parallel(run.both_ways, [
                (number, piece) for number, piece in pieces
                if any(name not in state.results[side] for name in piece
                       for side in ([options.side] if options.side else SIDES))
            ])
            run.in_parallel(run.again, [case for case, what, _, _ in verdict.verdicts(state) if what in verdict.BAD])
    except KeyboardInterrupt:
        say("Interrupted. Start it again to go on.")
    finally:
        summary = verdict.summarize(state, names, known)
        verdict.write(state, summary)
        print(verdict.readable(summary))
    return 0 if verdict.acceptable(summary) and summary["compared"] == len(names) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Refused, Disagrees) as error:
        sys.exit(f"run.py: {error}")
