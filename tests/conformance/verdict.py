# Compares what a case did natively with what it did through Hesper, and writes the summary. Runs nothing.
import collections
import json
import re

from state import HESPER, NATIVE

GOOD = {"Pass", "QualityWarning", "CompatibilityWarning", "CapabilityWarning", "Waiver"}
ABSENT = "NotSupported"

SAME = "same"  # both passed, both failed, or both not supported
LOST = "lost"  # passes natively; fails, crashes or hangs through Hesper
MISSING = "missing"  # passes natively, is not supported through Hesper
EXTRA = "extra"  # not supported natively; fails, crashes or hangs through Hesper
BETTER = "better"  # fails or is not supported natively, passes through Hesper
OTHER = "other"  # fails natively, is not supported through Hesper
FLAKY = "flaky"  # was lost or extra, but alone it does the same both ways
BAD = LOST, EXTRA  # what is run again alone


class Known:
    """The list of known differences: lines of
    fail PATTERN -- REASON      of cases (dEQP-VK.a.*) that are lost or extra
    missing REGEX -- REASON     of what deqp-vk says when a case is not supported"""

    def __init__(self, path):
        self._fail, self._missing = [], []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            line = line.partition("#")[0].strip()
            if not line:
                continue
            found = re.fullmatch(r"(fail|missing)\s+(.+?)\s+--\s+(.+)", line)
            if not found:
                raise ValueError(f"{path}, line {number}, is not 'fail PATTERN -- REASON' or 'missing REGEX -- REASON'.")
            kind, pattern, reason = found.groups()
            if kind == "fail":
                pattern = ".*".join(map(re.escape, pattern.split("*")))
            (self._fail if kind == "fail" else self._missing).append((re.compile(pattern), reason))

    def reason(self, verdict, line):
        """Why a case differs, or None."""
        if verdict in BAD:
            return next((reason for pattern, reason in self._fail if pattern.fullmatch(line["case"])), None)
        if verdict == MISSING:
            return next((reason for pattern, reason in self._missing if pattern.search(line["reason"])), None)
        return None


def compare(native, hesper):
    """native, hesper: a case's lines of State."""
    was, now = native["status"], hesper["status"]
    if now in GOOD:
        return SAME if was in GOOD else BETTER
    if now == ABSENT:
        return MISSING if was in GOOD else SAME if was == ABSENT else OTHER
    return LOST if was in GOOD else EXTRA if was == ABSENT else SAME


def verdicts(state):
    """Yields (case, verdict, native line, Hesper line) for each case that ran both ways."""
    for case, hesper in state.results[HESPER].items():
        native = state.results[NATIVE].get(case)
        if native is None:
            continue
        verdict = compare(native, hesper)
        alone = [state.alone[side].get(case) for side in (NATIVE, HESPER)]
        if verdict in BAD and all(alone):
            again = compare(*alone)
            verdict, native, hesper = (again, *alone) if again in BAD else (FLAKY, native, hesper)
        yield case, verdict, native, hesper


def _alike(reason):
    """The same for reasons that differ in numbers only."""
    return re.sub(r"\s+", " ", re.sub(r"0x[0-9a-f]+|\d+", "N", reason))[:200] or "(no reason given)"


def _speed(state, side):
    lines = [line for line in state.processes if line["side"] == side and line["cases"]]
    cases, seconds = sum(line["cases"] for line in lines), sum(line["seconds"] for line in lines)
    rate = round(cases / seconds, 1) if seconds else None
    return {"cases": cases, "seconds": round(seconds, 1), "cases_per_second": rate}


def summarize(state, cases, known):
    """All that is worth knowing, as JSON would have it."""
    counts = collections.Counter()
    statuses = {side: collections.Counter(line["status"] for line in lines.values()) for side, lines in state.results.items()}
    explained, listed = collections.defaultdict(list), collections.defaultdict(list)
    for case, verdict, native, hesper in verdicts(state):
        counts[verdict] += 1
        if verdict in (SAME, BETTER, OTHER):
            continue
        reason = known.reason(verdict, hesper)
        entry = {"case": case, "native": native["status"], "hesper": hesper["status"], "reason": hesper["reason"]}
        if reason:
            explained[f"{verdict}: {reason}"].append(entry)
        else:
            listed[verdict].append(entry)
    groups = {}
    for verdict, entries in listed.items():
        by_reason = collections.defaultdict(list)
        for entry in entries:
            by_reason[f"{entry['hesper']}: {_alike(entry['reason'])}"].append(entry["case"])
        groups[verdict] = dict(sorted(by_reason.items(), key=lambda item: -len(item[1])))
    return {
        "wanted": len(cases),
        "ran": {side: len(state.results[side]) for side in state.results},
        "compared": sum(counts.values()),
        "verdicts": dict(counts),
        "statuses": {side: dict(count.most_common()) for side, count in statuses.items()},
        "speed": {side: _speed(state, side) for side in (NATIVE, HESPER)},
        "known": {reason: [entry["case"] for entry in entries] for reason, entries in sorted(explained.items())},
        "unexplained": groups,
    }


def acceptable(summary):
    """Whether nothing happened that the list of known differences does not explain."""
    return not any(summary["unexplained"].get(verdict) for verdict in (LOST, EXTRA, MISSING))


TITLES = {
    LOST: "Pass natively and not through Hesper",
    EXTRA: "Not supported natively, and fail through Hesper",
    MISSING: "Pass natively, not supported through Hesper",
    FLAKY: "Differed once, and not when run alone",
}


def readable(summary, examples=4):
    lines = [f"{summary['compared']} of {summary['wanted']} cases ran both ways.", ""]
    statuses = summary["statuses"]
    lines.append(f"{'':24}{'native':>12}{'Hesper':>12}")
    for status in sorted(set(statuses[NATIVE]) | set(statuses[HESPER])):
        lines.append(f"{status:24}{statuses[NATIVE].get(status, 0):12}{statuses[HESPER].get(status, 0):12}")
    speed = [summary["speed"][side]["cases_per_second"] or "-" for side in (NATIVE, HESPER)]
    lines += [f"{'cases/s of a process':24}{speed[0]:>12}{speed[1]:>12}", ""]
    lines += ["  ".join(f"{verdict}: {count}" for verdict, count in sorted(summary["verdicts"].items())), ""]
    for verdict, title in TITLES.items():
        groups = summary["unexplained"].get(verdict, {})
        if not groups:
            continue
        lines.append(f"{title}: {sum(map(len, groups.values()))}")
        for reason, cases in groups.items():
            lines.append(f"  {len(cases):6}  {reason}")
            lines += [f"          {case}" for case in cases[:examples]]
        lines.append("")
    if summary["known"]:
        lines.append("Known differences")
        lines += [f"  {len(cases):6}  {reason}" for reason, cases in summary["known"].items()]
        lines.append("")
    return "\n".join(lines)


def write(state, summary):
    (state.folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    (state.folder / "summary.txt").write_text(readable(summary))
