"""hesper plan and hesper passthrough on descriptions of hosts: what they print is JSON, scripts that shellcheck passes, and
XML that libvirt takes. Nothing is applied."""

import json
import pathlib
import subprocess
import tempfile
import unittest

from support import PROGRAMS

HOSTS = pathlib.Path(__file__).parent.parent / "hosts"
# One for each kind of binding, boot loader and domain of addresses.
BOUND = {"xeon-rx580-no-igpu": "03:00.0", "nvidia-server-no-drm": "16:00.0", "arm-server-smmu": "000d:01:00.0",
         "hybrid-muxless": "01:00.0", "acs-override": "05:00.0"}

DOMAIN = """<domain type='kvm'>
<name>guest</name><memory unit='GiB'>4</memory><vcpu>4</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices>
%s</devices>
</domain>
"""


def hesper(*arguments):
    return subprocess.run([PROGRAMS / "hesper", *arguments], capture_output=True, text=True, timeout=120)


def script_of(steps):
    lines = ["#!/bin/sh", "set -eu"]
    for step in steps:
        lines += step["commands"] + step["undo"]
    return "\n".join(lines) + "\n"


class Plan(unittest.TestCase):
    def check_scripts(self, scripts):
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for number, script in enumerate(scripts):
                file = pathlib.Path(folder) / f"{number}.sh"
                file.write_text(script)
                files.append(file)
            checked = subprocess.run(["shellcheck", "-s", "sh", *files], capture_output=True, text=True, timeout=300)
            self.assertEqual(checked.returncode, 0, checked.stdout)

    def test_this_host(self):
        for guest in ("linux", "macos", "windows", "other"):
            result = hesper("plan", "--guest", guest, "--json")
            self.assertEqual(result.returncode, 0, result.stderr)
            plan = json.loads(result.stdout)
            self.assertEqual(plan["version"], 1)
            self.assertEqual(len(plan["options"]), 8)
            self.assertEqual(bool(plan["remarks"]), guest == "macos")
        text = hesper("plan", "--color", "never")
        self.assertEqual(text.returncode, 0, text.stderr)
        self.assertIn("The first one in full", text.stdout)
        self.assertNotIn("\x1b", text.stdout)

    def test_descriptions(self):
        scripts = []
        for file in sorted(HOSTS.glob("*.host")):
            result = hesper("plan", "--guest", "windows", "--json", "--description", file)
            self.assertEqual(result.returncode, 0, f"{file.name}: {result.stderr}")
            for option in json.loads(result.stdout)["options"]:
                self.assertIn(option["viability"], ("works_now", "after_steps", "not_here"))
                # "..." stands for QEMU's other arguments.
                scripts.append(script_of(option["steps"]).replace(" ... ", " "))
        self.check_scripts(scripts)

    def test_passthrough_lines(self):
        scripts = []
        for name, address in BOUND.items():
            result = hesper("passthrough", "plan", address, "--json", "--description", HOSTS / f"{name}.host")
            self.assertEqual(result.returncode, 0, f"{name}: {result.stdout}{result.stderr}")
            plan = json.loads(result.stdout)
            self.assertTrue(plan["possible"], name)
            scripts.append(script_of([plan["binding"], *plan["also"]]))
            with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
                file.write(DOMAIN % plan["libvirt_hostdevs"])
                file.flush()
                for command in (["xmllint", "--noout"], ["virt-xml-validate"]):
                    checked = subprocess.run([*command, file.name], capture_output=True, text=True, timeout=60)
                    self.assertEqual(checked.returncode, 0, f"{name}: {checked.stdout}{checked.stderr}")
        self.check_scripts(scripts)

    def test_refusals(self):
        host = HOSTS / "gpu-in-use.host"
        result = hesper("passthrough", "enable", "01:00.0", "--color", "never", "--description", host)
        self.assertEqual(result.returncode, 1)
        self.assertIn("blender", result.stdout)
        for arguments, sentence in (
                (("enable", "01:00.0", "--apply", "--description", host), "tells of another one"),
                (("plan", "77:00.0", "--description", host), "No GPU is at 77:00.0"),
                (("disable", "01:00.0"), "has not bound 0000:01:00.0")):
            result = hesper("passthrough", *arguments)
            self.assertEqual(result.returncode, 1, arguments)
            self.assertIn(sentence, result.stderr)
        self.assertEqual(hesper("passthrough", "plan", "first").returncode, 125)


if __name__ == "__main__":
    unittest.main()
