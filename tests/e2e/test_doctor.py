# hesper doctor on the machine of the test, and on descriptions of it. What it makes of other hosts is in
# tests/unit/advice.
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import machines
from support import HESPER, NATIVE_ICD, Scratch, run

FULL, REDUCED, NONE = 0, 1, 2
FAILED = 125
PATIENCE = 300  # seconds; it takes a few on an idle machine


class Doctor(unittest.TestCase):
    def setUp(self):
        self.scratch = Scratch()
        self.addCleanup(self.scratch.close)
        self.environment = machines.environment(self.scratch) | {"VK_DRIVER_FILES": str(NATIVE_ICD)}

    def doctor(self, *options, status, environment=None):
        finished = run([HESPER, "doctor", *options], environment or self.environment, PATIENCE)
        self.assertEqual(finished.status, status, finished)
        return finished

    def findings(self, *options, status, environment=None):
        report = json.loads(self.doctor("--json", "--no-proof", *options, status=status, environment=environment).output)
        return report, {finding["id"]: finding for finding in report["findings"]}

    def test_software_vulkan_and_emulation_reduce(self):
        report, findings = self.findings(status=REDUCED)
        self.assertEqual(report["version"], 1)
        self.assertEqual(report["verdict"]["acceleration"], "reduced")
        self.assertIn("vulkan.software", findings)
        self.assertIn("Vulkan is computed by the processor", report["verdict"]["reason"])
        self.assertIsNone(report["proof"])

    def test_every_finding_is_as_documented(self):
        report, _ = self.findings(status=REDUCED)
        self.assertEqual(set(report), {"version", "verdict", "findings", "facts", "proof"})
        for finding in report["findings"]:
            self.assertEqual(
                set(finding),
                {"id", "subject", "area", "severity", "leaves", "open", "sentence", "effect", "note", "sources", "steps"},
            )
            self.assertRegex(finding["id"], r"^[a-z]+\.[a-z_]+$")
            self.assertIn(finding["severity"], ("ok", "could_be_better", "blocks"))
            self.assertIn(finding["leaves"], ("full", "reduced", "none"))
            for step in finding["steps"]:
                self.assertEqual(
                    set(step), {"title", "reason", "files", "commands", "undo", "takes", "if_it_fails"}, finding
                )

    def test_text_has_the_same_findings_without_colours_for_a_file(self):
        finished = self.doctor("--no-proof", status=REDUCED)
        self.assertIn("hesper run: reduced acceleration.", finished.output)
        self.assertNotIn("\x1b", finished.output)
        coloured = self.doctor("--no-proof", "--color", "always", status=REDUCED)
        self.assertIn("\x1b[", coloured.output)
        self.assertEqual(re.sub("\x1b\\[[0-9;]*m", "", coloured.output).splitlines()[0], finished.output.splitlines()[0])

    def test_description_leads_to_the_same_report(self):
        description = self.scratch.path / "host.txt"
        here, _ = self.findings("--describe", description, status=REDUCED)
        there, _ = self.findings("--description", description, status=REDUCED)
        self.assertEqual(there["verdict"], here["verdict"])
        self.assertEqual(
            [(each["id"], each["severity"]) for each in there["findings"]],
            [(each["id"], each["severity"]) for each in here["findings"]],
        )

    def test_fix_script_is_a_shell_script_that_is_not_replaced(self):
        # Without QEMU there is something to type.
        environment = dict(self.environment, PATH=self.path_without("qemu-system-x86_64"))
        script = self.scratch.path / "fix.sh"
        self.doctor("--no-proof", "--fix-script", script, status=NONE, environment=environment)
        text = script.read_text()
        self.assertTrue(text.startswith("#!/bin/sh\n"), text)
        self.assertIn("qemu-system-x86", text)
        subprocess.run(["sh", "-n", script], check=True)
        subprocess.run(["shellcheck", script], check=True)
        script.write_text("mine\n")
        refused = self.doctor("--no-proof", "--fix-script", script, status=FAILED, environment=environment)
        self.assertIn("--force", refused.errors)
        self.assertEqual(script.read_text(), "mine\n")
        self.doctor("--no-proof", "--force", "--fix-script", script, status=NONE, environment=environment)
        self.assertEqual(script.read_text(), text)

    def test_without_qemu_nothing_works(self):
        environment = dict(self.environment, PATH=self.path_without("qemu-system-x86_64"))
        report, findings = self.findings(status=NONE, environment=environment)
        self.assertEqual(findings["qemu.missing"]["severity"], "blocks")
        self.assertEqual(report["verdict"]["reason"], "QEMU is missing.")

    def test_driver_files_that_are_not_there_are_named(self):
        nowhere = "/nonexistent/driver.json"
        report, findings = self.findings(status=NONE, environment=dict(self.environment, VK_DRIVER_FILES=nowhere))
        self.assertEqual(findings["vulkan.icd_broken"]["subject"], nowhere)
        self.assertIn("VK_DRIVER_FILES", findings["vulkan.icd_broken"]["note"])
        self.assertEqual(report["verdict"]["acceleration"], "none")

    def test_the_proof_is_part_of_it(self):
        for _ in range(3):  # the proof gives up after 12 s, which a busy machine may need
            finished = run([HESPER, "doctor", "--json"], self.environment, PATIENCE)
            if finished.status == REDUCED:
                break
        self.assertEqual(finished.status, REDUCED, finished)
        proof = json.loads(finished.output)["proof"]
        self.assertTrue(proof["passed"])
        self.assertEqual(proof["pictures"], ["image", "vulkan"])

    def test_a_proof_that_fails_counts(self):
        """All that can be looked at is as it should be, and yet no guest starts."""
        folder = self.scratch.path / "broken"
        folder.mkdir()
        qemu = folder / "qemu-system-x86_64"
        real = shutil.which("qemu-system-x86_64", path=self.environment["PATH"])
        qemu.write_text(
            '#!/bin/sh\ncase "$*" in *vhost-user-test-device-pci,*) echo "no such luck" >&2; exit 1 ;; esac\n'
            f'exec {real} "$@"\n'
        )
        qemu.chmod(0o755)
        environment = dict(self.environment, PATH=f"{folder}{os.pathsep}{self.environment['PATH']}")
        finished = self.doctor("--json", status=NONE, environment=environment)
        proof = json.loads(finished.output)["proof"]
        self.assertFalse(proof["passed"])
        self.assertEqual(proof["stage"], "qemu")
        self.assertIn("no such luck", proof["problem"])

    def test_descriptions_that_are_none_are_refused(self):
        description = self.scratch.path / "host.txt"
        description.write_text("@ nonsense\n")
        finished = self.doctor("--description", description, status=FAILED)
        self.assertIn("host.txt", finished.errors)

    def path_without(self, *programs):
        """A PATH with links to everything that PATH has, but for some programs."""
        folder = self.scratch.path / "bin"
        folder.mkdir()
        for part in self.environment["PATH"].split(os.pathsep):
            if not os.path.isdir(part):
                continue
            for program in pathlib.Path(part).iterdir():
                link = folder / program.name
                if program.name not in programs and not os.path.lexists(link) and shutil.which(str(program)):
                    link.symlink_to(program)
        return str(folder)


if __name__ == "__main__":
    unittest.main()
