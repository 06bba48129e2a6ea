# OpenGL through Hesper: Mesa's Zink on Venus draws, offers and validates what Zink on the native driver does.
import pathlib
import re
import sys
import unittest

from support import BACKPORTS, STABLE, ZINK, Screen, TestCase, client, run, tools_present

PIGLIT = pathlib.Path(__file__).resolve().parent.parent / "piglit"
ES2_INFO = "es2_info.x86_64-linux-gnu"
# What Venus does not offer, so that Zink cannot. Without dma-bufs it exports no memory at all.
NOT_OFFERED = {"EGL_MESA_image_dma_buf_export", "GL_EXT_memory_object", "GL_EXT_memory_object_fd"}


def setUpModule():
    tools_present("Xvfb", "glmark2-es2", ES2_INFO)


class Surfaceless:
    mesa = None

    def test_picture_has_the_native_pixels(self):
        native, ours = self.scratch.path / "native.png", self.scratch.path / "ours.png"
        want = self.native(client("gl"), "--output", native, **ZINK)
        got = self.hesper(self.mesa, client("gl"), "--output", ours, **ZINK)
        self.assertIn("zink", want.errors)
        self.assertIn("Venus", got.errors)
        self.assertEqual(got.output, want.output, "Checksum, occlusion query or transform feedback differ.")
        self.assertEqual(ours.read_bytes(), native.read_bytes(), "The picture differs.")


class StableSurfaceless(Surfaceless, TestCase):
    mesa = STABLE


class BackportsSurfaceless(Surfaceless, TestCase):
    mesa = BACKPORTS


class Windows(TestCase):
    def both(self, *command, timeout=60):
        """What a program prints natively and through Hesper, each on a screen of its own."""
        for runner in self.native, lambda *words, **more: self.hesper(BACKPORTS, *words, **more):
            screen = self.start(Screen, self.scratch)
            yield runner(*command, timeout=timeout, DISPLAY=screen.display, **ZINK).output

    def test_offers_what_zink_offers_natively(self):
        native, ours = (set(re.findall(r"\bE?GL_\w+", text)) for text in self.both(ES2_INFO))
        self.assertGreater(len(native), 100, "es2_info tells less than it should.")
        self.assertEqual(native ^ ours, NOT_OFFERED)

    def test_glmark2_validates_every_scene_in_a_window(self):
        self.compare_glmark2()

    def test_glmark2_validates_every_scene_off_screen(self):
        self.compare_glmark2("--off-screen")

    def compare_glmark2(self, *options):
        native, ours = (
            re.findall(r"^\[.*Validation: \w+$", text, re.MULTILINE)
            for text in self.both("glmark2-es2", "--validate", *options, timeout=120)
        )
        self.assertGreaterEqual(len(native), 33)
        self.assertGreaterEqual(sum(line.endswith("Success") for line in native), 25)  # others it cannot judge
        self.assertEqual(ours, native)


class Piglit(TestCase):
    def test_results_are_those_of_zink_on_the_native_driver(self):
        command = [sys.executable, "-B", PIGLIT / "run", "--list", PIGLIT / "ci.txt", "--folder", self.scratch.path / "piglit"]
        finished = self.expect_success(run(command, None, timeout=600))
        passed = re.search(r"^hesper .*\bpass (\d+)", finished.output, re.MULTILINE)
        self.assertGreaterEqual(int(passed[1]), 190, finished)


if __name__ == "__main__":
    unittest.main()
