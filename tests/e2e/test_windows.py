# Programs with windows or swapchains through Hesper. Mesa 26 presents from host memory; Mesa 25.0 needs emulated
# dma-bufs, and then presents on surfaces that do not have to import them.
import unittest

from support import BACKPORTS, EMULATED, STABLE, Screen, TestCase, client, tools_present
from x11 import Tap


def setUpModule():
    tools_present("Xvfb", "vkcube", "vkmark")


class Headless:
    mesa = None
    options = ()

    def test_swapchain_has_the_right_frames(self):
        want = self.native(client("swapchain"))
        self.assertEqual(self.hesper(self.mesa, client("swapchain"), options=self.options).output, want.output)

    def test_every_default_scene_of_vkmark(self):
        command = "vkmark", "--winsys", "headless", "--size", "400x300", "--benchmark", ":duration=0.5"
        scenes = self.scenes_of(self.native(*command, timeout=120))
        self.assertGreaterEqual(len(scenes), 13)
        ours = self.hesper(self.mesa, *command, timeout=120, options=self.options)
        self.assertEqual(self.scenes_of(ours), scenes)

    @staticmethod
    def scenes_of(finished):
        """The names of the scenes that got a result."""
        return [line.split(": FPS:")[0] for line in finished.output.splitlines() if ": FPS: " in line]


class StableHeadless(Headless, TestCase):
    mesa = STABLE
    options = EMULATED


class BackportsHeadless(Headless, TestCase):
    mesa = BACKPORTS


class Windows(TestCase):
    FRAMES = 300
    # When a program ends, Mesa drops the pictures that wait in the swapchain's queue: at most as many as it has images.
    MAY_BE_DROPPED = 8

    def through_hesper(self, *command, **variables):
        return self.hesper(BACKPORTS, *command, **variables)

    def test_swapchain_has_the_right_frames(self):
        command = client("swapchain"), "--surface", "xcb"
        want = self.native(*command, DISPLAY=self.start(Screen, self.scratch).display)
        screen = self.start(Screen, self.scratch)
        self.assertEqual(self.through_hesper(*command, DISPLAY=screen.display).output, want.output)

    def test_each_frame_of_vkcube_has_the_native_pixels(self):
        wanted = self.pictures_of_vkcube(self.native)
        for number, (want, got) in enumerate(zip(wanted, self.pictures_of_vkcube(self.through_hesper)), start=1):
            self.assertEqual(got, want, f"Frame {number} differs.")

    def pictures_of_vkcube(self, runner):
        screen = self.start(Screen, self.scratch, "-extension", "MIT-SHM")
        tap = self.start(Tap, self.scratch.path / f"tap{screen.display[1:]}", screen.socket)
        runner("vkcube", "--wsi", "xcb", "--c", self.FRAMES, DISPLAY=tap.display)
        pictures = tap.pictures()
        self.assertGreaterEqual(len(pictures), self.FRAMES - self.MAY_BE_DROPPED)
        self.assertGreater(len(set(pictures)), 80, "The cube does not turn.")  # by 4 degrees a frame
        return pictures


if __name__ == "__main__":
    unittest.main()
