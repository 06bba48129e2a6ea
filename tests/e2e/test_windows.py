# Programs with windows or swapchains through Hesper. Only with Mesa 26: Mesa 25.0 offers no swapchain over vtest.
import unittest

from support import BACKPORTS, Screen, TestCase, client, tools_present


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
    def last_frame(self, runner, frames):
        screen = self.start(Screen, self.scratch)
        empty = screen.picture()
        runner("vkcube", "--wsi", "xcb", "--c", frames, DISPLAY=screen.display)
        picture = screen.picture()
        self.assertNotEqual(picture, empty, "vkcube drew nothing.")
        return picture

    def test_frame_300_has_the_native_pixels(self):
        def through_hesper(*command, **variables):
            return self.hesper(BACKPORTS, *command, **variables)

        want = self.last_frame(self.native, 300)
        self.assertNotEqual(want, self.last_frame(self.native, 299), "The picture does not depend on the frame.")
        self.assertEqual(self.last_frame(through_hesper, 300), want)


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
