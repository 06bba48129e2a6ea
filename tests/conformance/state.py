# What a run has found out so far, on disk, so that it can be interrupted at any moment and continued. Decides nothing.
import fcntl
import gzip
import hashlib
import json
import os
import re
import threading

NATIVE, HESPER = "native", "hesper"
SIDES = NATIVE, HESPER
QUIET = "Pass", "NotSupported"  # statuses whose logs nobody wants to read
LOG_LIMIT = 4000  # logs kept at most, lest a broken run fills the disk


class Disagrees(Exception):
    """The folder holds a run with other settings, or one that is still going on."""


class State:
    """A folder with
    settings.json         what the run was started with
    cases.txt.gz          the cases, in the order of the list
    native.jsonl, hesper.jsonl    a line for each case that ended: case, status, reason, seconds
    alone.jsonl           the same for cases that were run again, each alone in a process; and side
    processes.jsonl       a line for each process: side, cases, seconds, ending
    logs/                 what was written about cases that neither passed nor were unsupported, through Hesper
    Any thread may call anything."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        self._owned = open(folder / "lock", "w")  # until this process ends
        try:
            fcntl.flock(self._owned, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Disagrees(f"Another run uses {folder}.") from None
        self._lock = threading.Lock()
        self.results = {side: self._latest(f"{side}.jsonl") for side in SIDES}
        self.alone = {side: {} for side in SIDES}
        for line in self._lines("alone.jsonl"):
            self.alone[line["side"]][line["case"]] = line
        self.processes = list(self._lines("processes.jsonl"))
        self._logs = len(os.listdir(folder / "logs"))

    def _lines(self, name):
        path = self.folder / name
        if not path.exists():
            return
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):  # the last one may be half written
                    yield json.loads(line)

    def _latest(self, name):
        return {line["case"]: line for line in self._lines(name)}

    def _append(self, name, line):
        with self._lock, open(self.folder / name, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def settle(self, settings, make_cases):
        """The cases of this run: those of its start, or make_cases() if this is it. Settings must not have changed."""
        path, cases = self.folder / "settings.json", self.folder / "cases.txt.gz"
        if path.exists():
            before = json.loads(path.read_text())
            if before != settings:
                changed = [name for name in settings if settings[name] != before.get(name)]
                raise Disagrees(
                    f"{self.folder} holds a run with another {' and '.join(changed)}. Continue it with the same, or name"
                    " another folder with --state."
                )
            with gzip.open(cases, "rt") as file:
                return file.read().split()
        names = make_cases()
        with gzip.open(cases, "wt") as file:
            file.write("\n".join(names) + "\n")
        path.write_text(json.dumps(settings, indent=2) + "\n")
        return names

    def add(self, side, result):
        line = {"case": result.case, "status": result.status, "reason": result.reason, "seconds": result.seconds}
        self.results[side][result.case] = line
        self._append(f"{side}.jsonl", line)
        self._keep_log(side, result)

    def add_alone(self, side, result):
        line = {"side": side, "case": result.case, "status": result.status, "reason": result.reason}
        self.alone[side][result.case] = line
        self._append("alone.jsonl", line)
        self._keep_log(side, result)

    def add_process(self, side, outcome):
        line = {"side": side, "cases": len(outcome.results), "seconds": outcome.seconds, "ending": outcome.ending}
        self.processes.append(line)
        self._append("processes.jsonl", line)

    def forget(self, side, wanted):
        """Drops the results of the cases for which wanted(case) is true, so that they are run again."""
        with self._lock:
            for results, name in ((self.results[side], f"{side}.jsonl"), (self.alone[side], None)):
                for case in [case for case in results if wanted(case)]:
                    del results[case]
                if name:
                    self._rewrite(name, results.values())
            self._rewrite("alone.jsonl", [line for results in self.alone.values() for line in results.values()])

    def _rewrite(self, name, lines):
        new = self.folder / (name + ".new")
        with open(new, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        new.replace(self.folder / name)

    def log_path(self, case):
        readable = re.sub(r"[^\w.-]", "_", case.replace("dEQP-VK.", "", 1))
        if len(readable) > 180:
            readable = readable[:160] + "-" + hashlib.sha256(case.encode()).hexdigest()[:16]
        return self.folder / "logs" / (readable + ".txt")

    def _keep_log(self, side, result):
        if side != HESPER or result.status in QUIET or self._logs >= LOG_LIMIT:
            return
        self._logs += 1
        text = f"{result.case}\n{result.status}: {result.reason}\n\n{result.log}\n"
        self.log_path(result.case).write_text(text, encoding="utf-8", errors="replace")
