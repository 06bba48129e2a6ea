# The Khronos validation layer over the replay finds no error that it does not find over the program itself.
import re
import unittest

from support import BACKPORTS, STABLE, ZINK, Screen, TestCase, client, tools_present

LAYER = "VK_LAYER_KHRONOS_validation"
# Natively the layer prints this to stdout; a worker logs it.
NATIVE_ERROR = re.compile(r"Validation Error: \[ (\S+) \]")
# Images that begin preinitialized cannot name an import, natively they need not; docs/memory.md.
PREINITIALIZED = {"VUID-VkBindImageMemoryInfo-memory-02989"}
WORKER_ERROR = re.compile(r"^client \d+: error: .*?: validation: (\S+):", re.MULTILINE)


def setUpModule():
    tools_present("Xvfb", "vkcube", "vkmark")


class Validation:
    mesa = None

    def compare(self, *command, explained=frozenset(), timeout=120, **variables):
        native = self.native(*command, timeout=timeout, VK_INSTANCE_LAYERS=LAYER, **variables)
        ours = self.hesper(self.mesa, *command, timeout=timeout, options=["--validate"], **variables)
        more = set(WORKER_ERROR.findall(ours.errors)) - set(NATIVE_ERROR.findall(native.output))
        self.assertEqual(more, explained, f"What is found only through Hesper:\n{ours.errors[-8000:]}")
        self.assertNotIn("nothing is validated", ours.errors)

    def test_scene(self):
        self.compare(client("scene"))

    def test_compute(self):
        self.compare(client("compute"), "--rounds", 5, "--big-mib", 64)

    def test_sync(self):
        self.compare(client("sync"))

    def test_opengl(self):
        self.compare(client("gl"), **ZINK)


class StableValidation(Validation, TestCase):
    mesa = STABLE


class BackportsValidation(Validation, TestCase):
    mesa = BACKPORTS

    def test_many(self):
        self.compare(client("many"), "--count", 4, "--at-once", 2)

    def test_swapchain(self):
        self.compare(client("swapchain"))

    def test_vkmark(self):
        command = "vkmark", "--winsys", "headless", "--size", "400x300", "--benchmark", ":duration=0.2"
        self.compare(*command, explained=PREINITIALIZED)

    def test_vkcube(self):
        screen = self.start(Screen, self.scratch)
        self.compare("vkcube", "--wsi", "xcb", "--c", 60, explained=PREINITIALIZED, DISPLAY=screen.display)


if __name__ == "__main__":
    unittest.main()
