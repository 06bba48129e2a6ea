# Programs with windows or swapchains through Hesper. Mesa 26 presents from host memory; Mesa 25.0 needs emulated
# dma-bufs, and then presents on surfaces that do not have to import them.
import unittest

from support import BACKPORTS, EMULATED, STABLE, Screen, TestCase, client, tools_present
from x11 import Tap


def setUpModule():
    tools_present("Xvfb", "vkcube", "vkmark")


class Windows:
    mesa = None
    options = ()

    def through_hesper(self, *command, timeout=60, **variables):
        finished = self.exec(self.mesa, *command, timeout=timeout, options=self.options, **variables)
        return self.expect_success(finished)

    def test_headless_swapchain_has_the_right_frames(self):
        want = self.native(client("swapchain"))
        self.assertEqual(self.through_hesper(client("swapchain")).output, want.output)

    def test_window_swapchain_has_the_right_frames(self):
        command = client("swapchain"), "--surface", "xcb"
        want = self.native(*command, DISPLAY=self.start(Screen, self.scratch).display)
        screen = self.start(Screen, self.scratch)
        self.assertEqual(self.through_hesper(*command, DISPLAY=screen.display).output, want.output)

    def test_each_frame_of_vkcube_has_the_native_pixels(self):
        wanted = self.pictures_of_vkcube(self.native)
        for number, (want, got) in enumerate(zip(wanted, self.pictures_of_vkcube(self.through_hesper)), start=1):
            self.assertEqual(got, want, f"Frame {number} differs.")

    def test_every_default_scene_of_vkmark_headless(self):
        options = "--winsys", "headless", "--size", "400x300", "--benchmark", ":duration=0.5"
        scenes = self.scenes_of(self.native("vkmark", *options, timeout=120))
        self.assertGreaterEqual(len(scenes), 13)
        self.assertEqual(self.scenes_of(self.through_hesper("vkmark", *options, timeout=120)), scenes)

    def pictures_of_vkcube(self, runner):
        frames = 300
        # When a program ends, Mesa drops the pictures that wait in the swapchain's queue: as many as it has images.
        may_be_dropped = 8
        screen = self.start(Screen, self.scratch, "-extension", "MIT-SHM")
        tap = self.start(Tap, self.scratch.path / f"tap{screen.display[1:]}", screen.socket)
        runner("vkcube", "--wsi", "xcb", "--c", frames, DISPLAY=tap.display)
        pictures = tap.pictures()
        self.assertGreaterEqual(len(pictures), frames - may_be_dropped)
        self.assertGreater(len(set(pictures)), 80, "The cube does not turn.")  # by 4 degrees a frame
        return pictures

    @staticmethod
    def scenes_of(finished):
        """The names of the scenes that got a result."""
        return [line.split(": FPS:")[0] for line in finished.output.splitlines() if ": FPS: " in line]


class StableWindows(Windows, TestCase):
    mesa = STABLE
    options = ["--emulate-dma-buf"]  # without dma-bufs and modifiers Mesa 25.0 offers no swapchain


class BackportsWindows(Windows, TestCase):
    mesa = BACKPORTS


if __name__ == "__main__":
    unittest.main()
