# hesper view with a trace, for the tests: what a subscriber of the displays is told, and whether it is what the guest
# shows.
import json
import subprocess
import zlib

from support import HESPER, end_group, wait_until


class View:
    """hesper view at a device's socket; each has a trace of its own. options: more of its command line."""

    _count = 0

    def __init__(self, scratch, socket, *options):
        View._count += 1
        self.path = scratch.path / f"view-{View._count}.trace"
        self._log_path = scratch.path / f"view-{View._count}.log"
        self._log = open(self._log_path, "a")
        self.process = subprocess.Popen(
            [HESPER, "view", "--socket", socket, "--trace", self.path, *options],
            env=scratch.environment(), stdin=subprocess.DEVNULL, stderr=self._log, start_new_session=True,
        )  # fmt: skip

    def log(self):
        return self._log_path.read_text(errors="replace")

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(timeout=20)
        finally:
            end_group(self.process)
            self._log.close()


def lines(path):
    """What a trace has, one dictionary a line."""
    try:
        return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    except FileNotFoundError:
        return []


def frames(path, display=0):
    return [line["frame"] for line in lines(path) if line["display"] == display and "frame" in line]


def wait_for_screen(path, take_picture, display=0):
    """The newest frame, once it is what a screenshot shows, pixel by pixel. take_picture: a guest.Picture or None."""
    last = None

    def same():
        nonlocal last
        told, picture = frames(path, display), take_picture()
        if not told or picture is None:
            return False
        last = told[-1]
        return (last["width"], last["height"], last["crc32"]) == (
            picture.width, picture.height, zlib.crc32(picture.bytes)
        )  # fmt: skip

    wait_until(same, 20, f"The newest frame of display {display} is not what a screenshot shows: {last}")
    return last
