"""Screens without a guest: a source of known pictures, hesper view at it, and what that costs. Knows no way to show them.

Uses what the end-to-end tests use: prepare() comes before anything else."""
import contextlib
import os
import pathlib
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent.parent / "tests/e2e"
SIZES = ("1280x720", "1920x1080")
CONTENTS = ("typing", "text", "video")
NAMES = {"typing": "typing", "text": "scrolling text", "video": "video"}
RATE = 60  # frames a second
SETTLE = 3  # seconds until rates have settled


def prepare(programs):
    """programs: the folder of the built ones."""
    os.environ["HESPER_TEST_PROGRAMS"] = str(programs)
    sys.path.insert(0, str(TESTS))


@contextlib.contextmanager
def showing(scratch, size, content, *options, on=None):
    """hesper view at a source of `content`: one of CONTENTS at RATE frames a second, or "still". options: of hesper view.
    on: the desktop for its windows."""
    import synthetic
    import test_window

    rate = 0 if content == "still" else RATE
    source = synthetic.Synthetic(scratch, "--mode", size, "--content", content, "--rate", rate)
    with contextlib.closing(source):
        if on is None:
            view = synthetic.View(scratch, source.socket, *options)
        else:
            view = test_window.WindowView(scratch, on, source.socket, *options)
        with contextlib.closing(view):
            yield view


def cost(view, seconds, count=lambda: 0):
    """Waits. Returns (per cent of a processor that hesper view took, what `count` has counted a second)."""
    before, counted, began = view.processor_time(), count(), time.monotonic()
    time.sleep(seconds)
    elapsed = time.monotonic() - began
    return 100 * (view.processor_time() - before) / elapsed, (count() - counted) / elapsed


def both(times):
    """p50 and p95, for tables."""
    return f"{times['p50']:.1f} / {times['p95']:.1f}"
