# hesper prove: the tiny guest's pictures and fences, and what people read about each stage that does not work; under TCG.
import json
import signal
import subprocess

import guest
from machines import descendants, environment, runs
from support import HESPER, NATIVE_ICD, PROGRAMS, TestCase, run, wait_until

TROUBLE = PROGRAMS / "drivers" / "trouble.json"
OUT_OF_DEVICE_MEMORY = -2
PATIENCE = 100  # seconds that a proof may take on a busy machine; a second is usual


class ProofTest(TestCase):
    def prove(self, *options, timeout=PATIENCE, **variables):
        command = [HESPER, "prove", "--accel", "tcg", "--json", "--timeout", str(timeout), *options]
        if "--host-driver" not in options:
            command += ["--host-driver", NATIVE_ICD]
        finished = run(command, environment(self.scratch) | variables, timeout=2 * PATIENCE)
        self.assertIn(finished.status, (0, 1), finished)
        found = json.loads(finished.output)
        self.assertEqual(found["version"], 1)
        self.assertEqual(found["passed"], finished.status == 0, finished)
        self.assert_nothing_left()
        return found

    def assert_nothing_left(self):
        left = lambda: list((self.scratch.path / "runtime").rglob("*"))
        wait_until(lambda: not left(), 10, f"Files are left: {left()}")

    def passes(self, *options, pictures=("image", "vulkan")):
        found = self.prove(*options)
        self.assertTrue(found["passed"], found)
        self.assertEqual((found["stage"], found["accelerator"]), ("timing", "tcg"))
        self.assertEqual(found["pictures"], list(pictures))
        for key in ("problem", "remedy", "reached"):
            self.assertIsNone(found[key])
        self.assertGreater(found["total_ms"], found["first_picture_ms"])
        self.assertGreater(found["first_picture_ms"], 0)
        fences = ["device_fence_us"] + (["worker_fence_us", "queue_fence_us"] if "vulkan" in pictures else [])
        for fence in fences:
            self.assertGreaterEqual(found[fence]["p95"], found[fence]["p50"])
            self.assertGreater(found[fence]["p50"], 0)
        return found

    def fails(self, stage, says, *options, pictures=(), **variables):
        found = self.prove(*options, **variables)
        self.assertEqual((found["passed"], found["stage"]), (False, stage), found)
        self.assertRegex(found["problem"], says)
        self.assertEqual(found["pictures"], list(pictures))
        return found

    def script(self, name, *lines):
        """A program that takes the place of QEMU."""
        path = self.scratch.path / name
        path.write_text("".join(f"{line}\n" for line in ("#!/bin/sh", *lines)))
        path.chmod(0o755)
        return path

    def paused_qemu(self):
        """Its guest never says a word."""
        return self.script("paused-qemu", f'exec {guest.VM}/bin/qemu-system-x86_64 -S "$@"')


class Pictures(ProofTest):
    """What works is found to work."""

    def test_whole_path(self):
        found = self.passes()
        self.assertIn("llvmpipe", found["driver"])

    def test_arm64_guest(self):
        found = self.passes("--arch", "aarch64")
        self.assertIn("llvmpipe", found["driver"])
        self.assertIn("aarch64", found["accelerator_reason"] or "aarch64")  # it was asked for

    def test_blobs_before_their_memory(self):
        """The other order in which guests allocate (docs/memory.md)."""
        self.passes("--guest-memory", "blob-first")

    def test_screen_alone(self):
        found = self.passes("--window", "0", "--no-vulkan", pictures=["image"])
        self.assertIsNone(found["driver"])
        self.assertIsNone(found["queue_fence_us"])

    def test_text(self):
        finished = run(
            [HESPER, "prove", "--accel", "tcg", "--no-vulkan", "--timeout", str(PATIENCE)], environment(self.scratch),
            timeout=2 * PATIENCE,
        )  # fmt: skip
        self.expect_success(finished)
        self.assertRegex(finished.output, r"^A guest \(tcg\) showed what it must, \d+ ms after its start")


class Sentences(ProofTest):
    """Each stage that does not work is named, with what worked before."""

    def test_no_qemu(self):
        found = self.fails("host", "QEMU is missing: .*Install QEMU", "--qemu", "/nonexistent/qemu")
        self.assertIsNone(found["reached"])

    def test_old_qemu(self):
        message = "qemu: -device x: 'vhost-user-test-device-pci' is not a valid device model name"
        old = self.script("old-qemu", f'echo "{message}" >&2', "exit 1")
        found = self.fails("qemu", "is too old", "--qemu", old)
        self.assertEqual(found["reached"], "hesper gpu started.")

    def test_guest_that_does_nothing(self):
        found = self.prove("--qemu", self.paused_qemu(), timeout=3)
        self.assertFalse(found["passed"])
        # On a machine that is busy enough it does not even get as far.
        self.assertRegex(found["problem"], "in time")
        self.assertEqual(found["pictures"], [])

    def test_no_window(self):
        found = self.fails("context", "without a window", "--window", "0", pictures=["image"])
        self.assertRegex(found["reached"], "QEMU started, code of the guest ran, it found its GPU, a picture")

    def test_no_driver(self):
        icd = self.scratch.path / "none.json"
        icd.write_text('{"file_format_version": "1.0.0", "ICD": {"library_path": "/no.so", "api_version": "1.3.0"}}')
        found = self.fails("driver", "has no Vulkan driver that starts", "--host-driver", icd, pictures=["image"])
        self.assertIn("vulkaninfo", found["remedy"])

    def trouble(self, how, stage, says):
        library = json.loads(NATIVE_ICD.read_text())["ICD"]["library_path"]
        return self.fails(
            stage, says, "--host-driver", TROUBLE, pictures=["image"], HESPER_TROUBLE=f"{how}:hesper proof",
            HESPER_TROUBLE_DRIVER=library, HESPER_PASS_ENV="HESPER_TROUBLE*",
        )  # fmt: skip

    def test_driver_that_refuses(self):
        self.trouble(f"{OUT_OF_DEVICE_MEMORY}:vkCreateImage:1", "memory", "vkCreateImage fails with VkResult -2")

    def test_driver_that_crashes(self):
        found = self.trouble("crash:vkCmdCopyImageToBuffer:1", "drawing", "hesper gpu says: .*ended by signal 11")
        self.assertIn("it mapped the GPU's memory", found["reached"])

    def test_driver_that_draws_something_else(self):
        """It leaves out the third colour."""
        wrong = r"something else than it was told\. 3072 of 49152 pixels are wrong; the first one, at \(128, 0\)"
        self.trouble("0:vkCmdClearColorImage:3", "vulkan", wrong)


class Ends(ProofTest):
    """Processes that are killed while it waits for its guest."""

    def launch(self):
        process = subprocess.Popen(
            [HESPER, "prove", "--accel", "tcg", "--json", "--timeout", str(PATIENCE), "--host-driver", NATIVE_ICD,
             "--qemu", self.paused_qemu()],
            env=environment(self.scratch), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True,
        )  # fmt: skip
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_until(lambda: self.find(process, "qemu-system-x86_64 ") and self.find(process, "hesper-gpu "), 60,
                   "QEMU and hesper-gpu do not start.")  # fmt: skip
        return process

    def find(self, process, what):
        return [number for number, name in descendants(process.pid).items() if what in name and "attend" not in name]

    def test_killed_qemu(self):
        process = self.launch()
        for number in self.find(process, "qemu-system-x86_64 "):
            subprocess.run(["kill", "-9", str(number)], check=False)
        found = json.loads(process.communicate(timeout=PATIENCE)[0])
        self.assertEqual(process.returncode, 1)
        self.assertIn("QEMU was ended by signal 9", found["problem"])
        self.assert_nothing_left()

    def test_killed_proof(self):
        process = self.launch()
        processes = descendants(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        left = lambda: {number: name for number, name in processes.items() if runs(number)}
        wait_until(lambda: not left(), 20, f"Processes are left: {left()}")
        self.assert_nothing_left()
