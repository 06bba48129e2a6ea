# The programs of tests/clients through Hesper: same results, same pixels as on the native driver, with both Mesa versions.
import unittest

from support import BACKPORTS, STABLE, SYNC_FD_HOST, TestCase, client


class Clients:
    mesa = None

    def test_scene_has_the_native_pixels(self):
        native, ours = self.scratch.path / "native.png", self.scratch.path / "ours.png"
        want = self.native(client("scene"), "--output", native)
        got = self.hesper(self.mesa, client("scene"), "--output", ours)
        self.assertEqual(got.output, want.output, "Checksum or occlusion query differ.")
        self.assertEqual(ours.read_bytes(), native.read_bytes(), "The picture differs.")

    def test_compute(self):
        self.hesper(self.mesa, client("compute"), timeout=120)

    def test_compute_in_imported_host_memory(self):
        self.hesper(self.mesa, client("compute"), "--rounds", 10, "--big-mib", 64, HESPER_MEMORY="hostptr")

    def test_sync(self):
        self.hesper(self.mesa, client("sync"), timeout=120)

    def test_a_device_with_all_extensions_and_features(self):
        self.hesper(self.mesa, client("everything"), timeout=120)

    def test_several_instances_at_once_in_one_process(self):
        self.hesper(self.mesa, client("many"), "--count", 24, "--at-once", 8, timeout=120)


class StableClients(Clients, TestCase):
    mesa = STABLE


class BackportsClients(Clients, TestCase):
    mesa = BACKPORTS


class HostWithSyncFd(TestCase):
    """The host's own sync_fd semaphores and fences take the place of emulated ones."""

    def test_nothing_is_emulated(self):
        probe = self.exec(BACKPORTS, "true", options=["--verbose"], host=SYNC_FD_HOST)
        self.assertIn("memory", probe.errors)
        self.assertNotIn("emulated", probe.errors)

    def test_clients(self):
        scene = self.native(client("scene"), host=SYNC_FD_HOST).output
        frames = self.native(client("swapchain"), host=SYNC_FD_HOST).output
        for mesa in STABLE, BACKPORTS:
            with self.subTest(mesa=mesa):
                self.assertEqual(self.hesper(mesa, client("scene"), host=SYNC_FD_HOST).output, scene)
                self.hesper(mesa, client("sync"), timeout=120, host=SYNC_FD_HOST)
        self.assertEqual(self.hesper(BACKPORTS, client("swapchain"), host=SYNC_FD_HOST).output, frames)


if __name__ == "__main__":
    unittest.main()
