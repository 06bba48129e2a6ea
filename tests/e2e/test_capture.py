# Captures: recorded through hesper exec, replayed with the pictures that the program made, shown, and refused when they
# are damaged.
import hashlib
import json
import os
import pathlib
import struct
import subprocess
import unittest

from support import (
    BACKPORTS,
    EMULATED,
    HESPER,
    NATIVE_ICD,
    STABLE,
    VENUS_ICD,
    Screen,
    TestCase,
    client,
    run,
    tools_present,
)
from x11 import Tap

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"


def setUpModule():
    tools_present("Xvfb", "vkcube", "pngtopnm", "pngtopam")


def pixels(path):
    """The picture without what PNG files add: sizes, channels, and colours without alpha."""
    return subprocess.run(["pngtopnm", path], stdout=subprocess.PIPE, check=True).stdout


class CaptureCase(TestCase):
    def record(self, mesa, *command, name="capture.hsc", **more):
        path = self.scratch.path / name
        finished = self.hesper(mesa, *command, options=["--capture", path, *more.pop("options", ())], **more)
        return path, finished

    def replay(self, path, *options, status=0):
        finished = run(
            [HESPER, "replay", "--json", "--host-driver", NATIVE_ICD, *options, path], self.scratch.environment(), 120
        )
        self.assertEqual(finished.status, status, finished)
        return json.loads(finished.output) if finished.output else finished

    def assert_as_recorded(self, replayed):
        self.assertTrue(replayed["complete"], replayed)
        self.assertTrue(replayed["commandsAsRecorded"], replayed)
        self.assertEqual(replayed["differentReplies"], 0, replayed)
        self.assertEqual(replayed["warnings"], [], replayed)


class Scene(CaptureCase):
    """The client that does the most: nested streams, rings of a dozen threads."""

    def check(self, mesa):
        native = self.scratch.path / "native.png"
        self.native(client("scene"), "--output", native)
        path, _ = self.record(mesa, client("scene"))
        folder = self.scratch.path / "pictures"
        replayed = self.replay(path, "--dump-images", folder)
        self.assert_as_recorded(replayed)
        dumped = sorted(folder.iterdir())
        self.assertEqual(len(dumped), replayed["pictureCount"])
        self.assertIn(pixels(native), [pixels(each) for each in dumped], "No picture of the replay is the native one.")
        return path, replayed

    def test_of_stable_has_the_native_picture_and_is_deterministic(self):
        path, replayed = self.check(STABLE)
        again = self.replay(path, "--pixels")
        for what in "commandDigest", "replyDigest", "pictureDigest":
            self.assertEqual(again[what], replayed[what], what)

    def test_of_backports_has_the_native_picture_and_is_shown(self):
        path, _ = self.check(BACKPORTS)
        shown = self.expect_success(run([HESPER, "capture", "show", path], self.scratch.environment()))
        self.assertRegex(shown.output, r"vkCreateBuffer\(device=#\d+, pCreateInfo=\{flags=0, size=\d+, usage=VK_BUFFER")
        self.assertNotIn("malformed", shown.output)
        info = json.loads(
            self.expect_success(run([HESPER, "capture", "info", "--json", path], self.scratch.environment())).output
        )
        self.assertTrue(info["complete"])
        lines = [line for line in shown.output.splitlines() if "# " not in line[:14]]
        self.assertEqual(len(lines), info["commands"] + info["nestedCommands"])
        some = self.expect_success(
            run([HESPER, "capture", "show", "--commands", "5..9", "--json", path], self.scratch.environment())
        )
        numbers = {json.loads(line).get("number") for line in some.output.splitlines()} - {None}
        self.assertEqual(numbers, {5, 6, 7, 8, 9})


class Replay(CaptureCase):
    def test_frames_of_swapchains_are_the_native_ones(self):
        # The client knows what each frame must be, and checks it when it is recorded.
        path, _ = self.record(STABLE, client("swapchain"), "--frames", 20, options=EMULATED)
        first, second = self.replay(path, "--pixels"), self.replay(path, "--pixels")
        self.assert_as_recorded(first)
        self.assertGreater(first["pictureCount"], 0)
        self.assertEqual(first["pictureDigest"], second["pictureDigest"])

    def test_compute(self):
        path, _ = self.record(BACKPORTS, client("compute"), "--rounds", 3, "--big-mib", 16)
        self.assert_as_recorded(self.replay(path))

    def test_threads_and_semaphores(self):
        path, _ = self.record(BACKPORTS, client("sync"), timeout=120)
        replayed = self.replay(path)
        self.assertTrue(replayed["complete"], replayed)
        self.assertTrue(replayed["commandsAsRecorded"], replayed)

    def test_several_instances_give_a_file_each(self):
        path, _ = self.record(STABLE, client("many"), "--count", 3, "--at-once", 1, name="many.hsc")
        self.assertEqual(
            sorted(each.name for each in path.parent.glob("*.hsc")), ["many-2.hsc", "many-3.hsc", "many.hsc"]
        )
        for each in path.parent.glob("*.hsc"):
            self.assert_as_recorded(self.replay(each))

    def test_repeated_and_until(self):
        path = GOLDEN / "swapchain-stable.hsc"
        whole = self.replay(path, "--repeat", 3)
        self.assertEqual(whole["rounds"], 3)
        self.assertGreater(whole["commandsPerSecond"], 0)
        part = self.replay(path, "--until", 100)
        self.assertFalse(part["complete"])
        self.assertGreaterEqual(part["commands"], 100)
        self.assertLess(part["commands"], whole["commands"])


class ColourTap(Tap):
    """Without alpha, and without what Mesa sends of the ends of rows."""

    WIDTH = 500

    def _add(self, body):
        width, height = struct.unpack_from("<HH", body, 8)
        top = struct.unpack_from("<h", body, 14)[0]
        with self._lock:
            if top == 0:
                self._pictures.append(hashlib.sha256())
            for row in range(height):
                bgrx = body[20 + row * width * 4 :][: self.WIDTH * 4]
                rgb = bytearray(self.WIDTH * 3)
                rgb[0::3], rgb[1::3], rgb[2::3] = bgrx[2::4], bgrx[1::4], bgrx[0::4]
                self._pictures[-1].update(rgb)


class VkCube(CaptureCase):
    FRAMES = 24

    def test_each_frame_has_the_native_pixels(self):
        screen = self.start(Screen, self.scratch, "-extension", "MIT-SHM")
        tap = self.start(ColourTap, self.scratch.path / "tap", screen.socket)
        self.native("vkcube", "--wsi", "xcb", "--c", self.FRAMES, DISPLAY=tap.display)
        path, _ = self.record(BACKPORTS, "vkcube", "--wsi", "xcb", "--c", self.FRAMES, DISPLAY=screen.display)
        folder = self.scratch.path / "pictures"
        self.assert_as_recorded(self.replay(path, "--dump-images", folder))
        replayed = [self.as_x11(each) for each in sorted(folder.iterdir())]
        # The first pictures may be of other images, such as the cube's texture; Mesa drops what still waits at the end.
        frames = tap.pictures()
        self.assertGreater(len(set(frames)), 15, "The cube does not turn.")
        first = replayed.index(frames[0])
        self.assertEqual(replayed[first : first + len(frames)], frames)

    @staticmethod
    def as_x11(path):
        """The digest that a ColourTap has of the picture."""
        rgb = subprocess.run(["pngtopam", path], stdout=subprocess.PIPE, check=True).stdout.split(b"\n255\n", 1)[1]
        return hashlib.sha256(rgb).hexdigest()


class Golden(CaptureCase):
    """Captures that were made long ago: tests/golden/renew."""

    def test_dumps_and_digests(self):
        captures = sorted(GOLDEN.glob("*.hsc"))
        self.assertGreaterEqual(len(captures), 3)
        for path in captures:
            with self.subTest(capture=path.name):
                shown = self.expect_success(run([HESPER, "capture", "show", path], self.scratch.environment()))
                self.assertEqual(shown.output, path.with_suffix(".txt").read_text())
                replayed = self.replay(path, "--pixels")
                self.assertTrue(replayed["commandsAsRecorded"], replayed)
                for name, value in json.loads(path.with_suffix(".json").read_text()).items():
                    self.assertEqual(replayed[name], value, name)


class Failures(CaptureCase):
    def show(self, path):
        return run([HESPER, "capture", "show", path], self.scratch.environment())

    def test_damaged_files_give_sentences(self):
        whole = (GOLDEN / "swapchain-stable.hsc").read_bytes()
        broken = self.scratch.path / "broken.hsc"
        cases = {
            "ends early": whole[: len(whole) * 2 // 3],
            "checksum": whole[:2000] + bytes([whole[2000] ^ 1]) + whole[2001:],
            "version 2": whole[:8] + b"\x02\0\0\0" + whole[12:],
            "not a capture": b"hello",
        }
        for sentence, content in cases.items():
            with self.subTest(sentence=sentence):
                broken.write_bytes(content)
                for command in ["capture", "show"], ["capture", "info"], ["replay"]:
                    finished = run([HESPER, *command, broken], self.scratch.environment(VK_DRIVER_FILES=str(NATIVE_ICD)))
                    self.assertEqual(finished.status, 1, finished)
                    self.assertIn(sentence, finished.errors)

    def test_full_disk_ends_the_capture_and_not_the_client(self):
        finished = self.hesper(STABLE, client("many"), "--count", 1, options=["--capture", "/dev/full"])
        self.assertIn("capture", finished.errors)

    def test_failure_in_the_middle_ends_the_capture_and_not_the_client(self):
        # A pipe whose reader goes after a while, for a disk that fills up.
        path, kept = self.scratch.path / "pipe.hsc", self.scratch.path / "kept.hsc"
        os.mkfifo(path)
        with kept.open("wb") as file:
            reader = subprocess.Popen(["head", "-c", "20000", path], stdout=file)
        self.addCleanup(reader.wait)
        self.addCleanup(reader.kill)
        finished = self.hesper(
            STABLE, client("compute"), "--rounds", 3, "--big-mib", 16, options=["--capture", path]
        )
        self.assertIn("The capture ends here; the program goes on.", finished.errors)
        reader.wait(10)
        shown = self.show(kept)
        self.assertEqual(shown.status, 1, shown)
        self.assertIn("vkCreateInstance", shown.output)

    def test_file_that_cannot_be_made(self):
        finished = self.exec(STABLE, "true", options=["--capture", "/nowhere/file.hsc"])
        self.assertEqual(finished.status, 125, finished)
        self.assertIn("/nowhere/file.hsc", finished.errors)

    def test_killed_worker_leaves_a_readable_prefix(self):
        path = self.scratch.path / "killed.hsc"
        # The worker is the child of hesper that is not the shell.
        script = """
            "$@" & program=$!
            while [ $(stat -c %s "$0") -lt 20000 ]; do sleep 0.05; done
            for child in $(cat /proc/$PPID/task/$PPID/children); do
                [ $child = $$ ] || kill -KILL $child
            done
            wait $program
        """
        self.exec(
            STABLE, "sh", "-c", script, path, client("compute"), "--rounds", 100000, options=["--capture", path], timeout=60
        )
        shown = self.show(path)
        self.assertEqual(shown.status, 1, shown)
        self.assertIn("ends early", shown.errors)
        self.assertIn("vkCreateDevice", shown.output)


if __name__ == "__main__":
    unittest.main()
