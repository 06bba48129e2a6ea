# hesper record: what the synthetic source shows, read back from files with ffprobe and ffmpeg: frame by frame, and however
# the recording ends.
import json
import os
import resource
import signal
import statistics
import subprocess
import time

from support import HESPER, TestCase, end_group, run, tools_present, wait_until
from synthetic import Synthetic

RATE = 30  # frames a second of the source
CODE = 128, 64  # pixels from the top left corner: a block of 16x16 for each bit of the frame's number


def setUpModule():
    tools_present("ffprobe", "ffmpeg")


class Film:
    """A video file, as FFmpeg sees it."""

    def __init__(self, path):
        self.path = path
        probe = subprocess.run(
            ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", path],
            stdout=subprocess.PIPE, check=True, timeout=60,
        )  # fmt: skip
        facts = json.loads(probe.stdout)
        [self.stream] = facts["streams"]
        self.duration = float(facts["format"].get("duration", "nan"))

    def times(self):
        """Seconds, of each frame."""
        probe = subprocess.run(
            ["ffprobe", "-v", "error", "-show_entries", "packet=pts_time", "-of", "csv=p=0", self.path],
            stdout=subprocess.PIPE, check=True, text=True, timeout=60,
        )  # fmt: skip
        return [float(line.strip(",")) for line in probe.stdout.split()]

    def pictures(self, x=0, y=0, width=CODE[0], height=CODE[1], pixels="gray"):
        """A part of each frame, rows of bytes one behind the other. Colours as players make them."""
        size = width * height * {"gray": 1, "rgb24": 3}[pixels]
        command = ["ffmpeg", "-v", "error", "-i", self.path, "-fps_mode", "passthrough"]
        command += ["-vf", f"crop={width}:{height}:{x}:{y}:exact=1", "-pix_fmt", pixels, "-f", "rawvideo", "-"]
        output = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=120).stdout
        return [output[start : start + size] for start in range(0, len(output), size)]

    def numbers(self):
        """The source's number of each frame."""
        numbers = []
        for picture in self.pictures():
            bits = (picture[128 * (16 * (bit // 8) + 8) + 16 * (bit % 8) + 8] > 128 for bit in range(32))
            numbers.append(sum(one << bit for bit, one in enumerate(bits)))
        return numbers


class Recording:
    """hesper record that goes on beside the test."""

    def __init__(self, scratch, socket, path, *options, prepare=None):
        self._log_path = path.with_suffix(path.suffix + ".log")
        self._log = open(self._log_path, "a")
        self.path = path
        self.process = subprocess.Popen(
            [HESPER, "record", "--socket", socket, "-o", path, *map(str, options)],
            env=scratch.environment(), stdin=subprocess.DEVNULL, stderr=self._log, start_new_session=True,
            preexec_fn=prepare,
        )  # fmt: skip

    def log(self):
        return self._log_path.read_text(errors="replace")

    def wait_for_bytes(self, size=1):
        wait_until(lambda: self.path.exists() and self.path.stat().st_size >= size, 20, f"Nothing is recorded: {self.log()}")

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(timeout=20)

    def close(self):
        end_group(self.process)
        self._log.close()


class Recorded(TestCase):
    source = ("--content", "counter", "--rate", RATE, "--mode", "640x480", "--log-frames")

    def setUp(self):
        super().setUp()
        self.synthetic = self.start(Synthetic, self.scratch, *self.source)

    def record(self, name, *options):
        """To its end."""
        path = self.scratch.path / name
        command = [HESPER, "record", "--socket", self.synthetic.socket, "-o", path, *map(str, options)]
        return path, run(command, self.scratch.environment(), timeout=60)

    def begin(self, name, *options, **more):
        return self.start(Recording, self.scratch, self.synthetic.socket, self.scratch.path / name, *options, **more)

    def check_times(self, film, ends_black=False):
        """Frames are those of the source, in order, each at its time. ends_black: and then a black one."""
        numbers, times = film.numbers(), film.times()
        self.assertEqual(len(numbers), len(times))
        if ends_black:
            self.assertEqual(numbers[-1], 0)
            while numbers[-1] == 0:
                numbers.pop()
        first = {}
        for number, moment in zip(numbers, times):
            first.setdefault(number, moment)  # the last frame may be there twice, as it lasts
        self.assertEqual(list(first), sorted(first), "The frames are in another order.")
        # The first frame may have been there for a while, and so is not later than it was shown; all others are.
        shown = {line["frame"]: line["time_ns"] / 1e9 for line in self.synthetic.lines() if "time_ns" in line}
        (_, zero), *rest = first.items()
        self.assertLess(zero, 0.01)
        offsets = [shown[number] - moment for number, moment in rest]
        middle = statistics.median(offsets)
        late = [abs(offset - middle) for offset in offsets]
        # The source says a moment before it shows, which is long where a processor is missing.
        self.assertLess(max(late), 0.5)
        self.assertLess(statistics.median(late), 0.02)
        return first


class Films(Recorded):
    def test_each_kind_of_file_has_each_frame_at_its_time(self):
        for name, options, codec in (
            ("film.mp4", (), "h264"),
            ("film.mkv", ("--codec", "libx264", "--quality", 30), "h264"),
            ("hevc.mp4", ("--codec", "hevc"), "hevc"),
            ("av1.mkv", ("--codec", "av1"), "av1"),
            ("film.webm", (), "vp9"),
        ):
            with self.subTest(name):
                path, finished = self.record(name, "--duration", 2, "--json", *options)
                self.expect_success(finished)
                film, said = Film(path), json.loads(finished.output)
                self.assertEqual(film.stream["codec_name"], codec)
                self.assertEqual((film.stream["width"], film.stream["height"]), (640, 480))
                self.assertEqual((film.stream["color_space"], film.stream["color_range"]), ("bt709", "tv"))
                self.assertAlmostEqual(film.duration, 2, delta=0.05)
                frames = self.check_times(film)
                # How many depends on the machine; on one that is not too busy, nearly all of 60.
                self.assertGreater(len(frames), 20)
                self.assertEqual(said["frames"], len(film.times()))
                self.assertEqual(said["bytes"], path.stat().st_size)
                self.assertEqual((said["width"], said["height"], said["complete"]), (640, 480, True))
                self.assertAlmostEqual(said["seconds"], 2, delta=0.05)

    def test_colours_are_those_of_the_guest(self):
        path, finished = self.record("film.mp4", "--duration", 0.5, "--quality", 10)
        self.expect_success(finished)
        # The background: red is the column, green the row.
        width, height = 64, 64
        picture = Film(path).pictures(x=192, y=128, width=width, height=height, pixels="rgb24")[-1]
        worst = 0
        for y in range(height):
            for x in range(width):
                red, green, blue = picture[3 * (width * y + x) :][:3]
                worst = max(worst, abs(red - (192 + x)), abs(green - (128 + y)), abs(blue - 0x40))
        self.assertLess(worst, 12)

    def test_other_sizes_are_scaled_into_the_first(self):
        recording = self.begin("film.mkv")
        recording.wait_for_bytes()
        time.sleep(1)
        self.synthetic.order("mode 0 320x480")
        wait_until(lambda: any(line.get("width") == 320 for line in self.synthetic.lines()), 20, "The mode stays.")
        time.sleep(1)
        self.assertEqual(recording.end(), 0, recording.log())
        film = Film(recording.path)
        self.assertEqual((film.stream["width"], film.stream["height"]), (640, 480))
        edge = film.pictures(x=150, y=200, width=8, height=8)
        self.assertGreater(min(edge[0]), 40)
        self.assertLess(max(edge[-1]), 8)
        middle = film.pictures(x=400, y=200, width=8, height=8)
        self.assertGreater(min(middle[-1]), 40)

    def test_cursor_is_in_the_picture_unless_it_is_not_wanted(self):
        self.synthetic.order("cursor 0 300 200")
        for options, differs in (((), True), (("--no-cursor",), False)):
            path, finished = self.record("film.mkv", "--duration", 0.5, "--quality", 10, *options)
            self.expect_success(finished)
            picture = Film(path).pictures(x=300, y=200, width=64, height=64, pixels="rgb24")[-1]
            # Without it, blue is the same everywhere.
            blues = picture[2::3]
            self.assertEqual(max(blues) - min(blues) > 40, differs, options)

    def test_second_display(self):
        source = self.start(Synthetic, self.scratch, *self.source, "--mode", "320x240")
        path = self.scratch.path / "second.mp4"
        command = [HESPER, "record", "--socket", source.socket, "-o", path, "--display", "1", "--duration", "0.5"]
        self.expect_success(run(command, self.scratch.environment(), timeout=30))
        self.assertEqual(Film(path).stream["width"], 320)

    def test_frame_rate_is_limited(self):
        path, finished = self.record("film.mp4", "--duration", 2, "--fps", 10)
        self.expect_success(finished)
        self.assertLessEqual(len(Film(path).times()), 23)


class Still(Recorded):
    source = ("--content", "counter", "--rate", 0, "--mode", "640x480")

    def test_still_screen_lasts_and_costs_nothing(self):
        recording = self.begin("film.mp4", "--duration", 4)
        recording.wait_for_bytes()
        self.assertEqual(recording.process.wait(timeout=30), 0, recording.log())
        film = Film(recording.path)
        self.assertAlmostEqual(film.duration, 4, delta=0.05)
        # The first, the one that says after a second that it still lasts, and the last.
        self.assertLessEqual(len(film.times()), 3)


class Ends(Recorded):
    def test_signals_finish_the_file(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            recording = self.begin(f"film-{number}.mp4")
            recording.wait_for_bytes()
            time.sleep(1)
            self.assertEqual(recording.end(number), 0, recording.log())
            film = Film(recording.path)
            self.assertGreater(film.duration, 0.9)
            self.check_times(film)
            self.assertIn("frames in", recording.log())

    def test_killed_recorder_leaves_what_it_had(self):
        for name in ("film.mp4", "film.mkv", "film.webm"):
            recording = self.begin(name)
            recording.wait_for_bytes()
            time.sleep(4)
            self.assertEqual(recording.end(signal.SIGKILL), -signal.SIGKILL)
            times = Film(recording.path).times()
            # All but the last second or two.
            self.assertGreater(times[-1], 1.5, name)
            self.check_times(Film(recording.path))

    def test_end_of_the_device_ends_the_recording(self):
        recording = self.begin("film.mp4")
        recording.wait_for_bytes()
        time.sleep(1)
        self.synthetic.order("quit")
        self.assertEqual(recording.process.wait(timeout=20), 0, recording.log())
        self.check_times(Film(recording.path), ends_black=True)

    def test_full_disk_is_said_and_the_file_is_complete(self):
        self.synthetic.order("content video")
        for name in ("film.mp4", "film.mkv"):
            most = 6 << 20
            recording = self.begin(
                name, "--quality", 1, prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            )
            self.assertEqual(recording.process.wait(timeout=60), 1, recording.log())
            self.assertIn(f"The recording '{recording.path}' cannot be written: File too large.", recording.log())
            self.assertLessEqual(os.stat(recording.path).st_size, most)
            film = Film(recording.path)
            self.assertGreater(film.duration, 0.05)
            self.assertGreater(len(film.times()), 2)

    def test_sentences(self):
        for name, options, sentence in (
            ("film.avi", (), "its name ends in .mp4, .mkv or .webm."),
            ("film.webm", ("--codec", "h264"), "A WebM file holds VP9 or AV1, and no h264."),
            ("film.mp4", ("--codec", "theora"), "There is no codec 'theora'."),
            ("no/film.mp4", (), "cannot be made: No such file or directory."),
        ):
            path, finished = self.record(name, *options)
            self.assertEqual(finished.status, 1, finished)
            self.assertIn(sentence, finished.errors)
            self.assertFalse(path.exists())
        self.synthetic.order("blank 0")
        recording = self.begin("nothing.mp4")
        time.sleep(1)
        self.assertEqual(recording.end(), 1)
        self.assertIn("The display has shown nothing, so there is no recording.", recording.log())
