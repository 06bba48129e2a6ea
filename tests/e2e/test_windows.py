# Programs with windows or swapchains through Hesper. Only with Mesa 26: Mesa 25.0 offers no swapchain over vtest.
import unittest

from support import BACKPORTS, Screen, TestCase, client, tools_present
from x11 import Tap


def setUpModule():
    tools_present("Xvfb", "vkcube", "vkmark")


class Swapchain(TestCase):
    def test_headless_frames_are_right(self):
        want = self.native(client("swapchain"))
        self.assertEqual(self.hesper(BACKPORTS, client("swapchain")).output, want.output)

    def test_window_frames_are_right(self):
        command = client("swapchain"), "--surface", "xcb"
        want = self.native(*command, DISPLAY=self.start(Screen, self.scratch).display)
        screen = self.start(Screen, self.scratch)
        self.assertEqual(self.hesper(BACKPORTS, *command, DISPLAY=screen.display).output, want.output)


class Vkcube(TestCase):
    FRAMES = 300
    # When a program ends, Mesa drops the pictures that wait in the swapchain's queue: at most as many as it has images.
    MAY_BE_DROPPED = 8

    def pictures(self, runner):
        screen = self.start(Screen, self.scratch, "-extension", "MIT-SHM")
        tap = self.start(Tap, self.scratch.path / f"tap{screen.display[1:]}", screen.socket)
        runner("vkcube", "--wsi", "xcb", "--c", self.FRAMES, DISPLAY=tap.display)
        pictures = tap.pictures()
        self.assertGreaterEqual(len(pictures), self.FRAMES - self.MAY_BE_DROPPED)
        self.assertGreater(len(set(pictures)), 80, "The cube does not turn.")  # by 4 degrees a frame
        return pictures

    def test_each_frame_has_the_native_pixels(self):
        def through_hesper(*command, **variables):
            return self.hesper(BACKPORTS, *command, **variables)

        wanted = self.pictures(self.native)
        for number, (want, got) in enumerate(zip(wanted, self.pictures(through_hesper)), start=1):
            self.assertEqual(got, want, f"Frame {number} differs.")


class Vkmark(TestCase):
    def test_every_default_scene_headless(self):
        options = "--winsys", "headless", "--size", "400x300", "--benchmark", ":duration=1"
        scenes = self.scenes_of(self.native("vkmark", *options, timeout=120))
        self.assertGreaterEqual(len(scenes), 13)
        self.assertEqual(self.scenes_of(self.hesper(BACKPORTS, "vkmark", *options, timeout=180)), scenes)

    @staticmethod
    def scenes_of(finished):
        """The names of the scenes that got a result."""
        return [line.split(": FPS:")[0] for line in finished.output.splitlines() if ": FPS: " in line]


if __name__ == "__main__":
    unittest.main()
