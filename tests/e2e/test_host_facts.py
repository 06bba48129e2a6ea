# hesper facts on this machine: what it says is what lspci, vulkaninfo, QEMU, id, sysctl and /proc tell the test.
import grp
import json
import os
import pathlib
import re

import machines
from support import HESPER, TestCase, run


class ThisHost(TestCase):
    def facts(self, *options):
        finished = run([HESPER, "facts", *options], machines.environment(self.scratch), 100)
        self.assertEqual(finished.status, 0, finished)
        whole = json.loads(finished.output)
        self.assertEqual(whole["version"], 1)
        return whole["facts"]

    def output(self, *command, status=0):
        finished = run(command, machines.environment(self.scratch) | {"LC_ALL": "C"}, 60)
        self.assertEqual(finished.status, status, finished)
        return finished.output

    def sysctl(self, name):
        return int(pathlib.Path("/proc/sys", name.replace(".", "/")).read_text())

    def check_system(self, facts):
        system = facts["system"]
        self.assertEqual(system["kernel"]["value"], os.uname().release)
        self.assertEqual(system["architecture"]["value"], os.uname().machine)
        release = dict(
            line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line
        )
        self.assertEqual(system["distribution"]["value"], release["ID"].strip('"'))
        self.assertEqual(system["name"]["value"], release["PRETTY_NAME"].strip('"'))
        user = facts["user"]
        self.assertEqual(user["name"], self.output("id", "-un").strip())
        self.assertEqual(user["id"], int(self.output("id", "-u")))
        self.assertEqual(set(user["groups"]), set(self.output("id", "-Gn").split()))

    def check_processor_and_memory(self, facts):
        self.assertEqual(facts["processor"]["threads"]["value"], int(self.output("nproc", "--all")))
        table = [line.split(",") for line in self.output("lscpu", "-p=CPU,CORE,SOCKET").splitlines() if line[0] != "#"]
        self.assertEqual(facts["processor"]["cores"]["value"], len({(core, socket) for _, core, socket in table}))
        self.assertEqual(facts["memory"]["page_size"]["value"], int(self.output("getconf", "PAGESIZE")))
        meminfo = re.search(r"^MemTotal: +(\d+) kB", pathlib.Path("/proc/meminfo").read_text(), re.M)
        self.assertEqual(facts["memory"]["total"]["value"], int(meminfo[1]) * 1024)
        self.assertEqual(facts["limits"]["max_map_count"]["value"], self.sysctl("vm.max_map_count"))
        self.assertEqual(facts["limits"]["overcommit"]["value"], self.sysctl("vm.overcommit_memory"))
        limit = self.output("sh", "-c", "ulimit -Hn").strip()
        self.assertEqual(facts["limits"]["nofile"]["value"], 2**64 - 1 if limit == "unlimited" else int(limit))

    def check_qemu(self, facts):
        own = next(each for each in facts["qemus"] if each["architecture"] == os.uname().machine)
        program = own["program"]
        self.assertEqual(own["version"]["value"], re.search(r"version ([\d.]+)", self.output(program, "--version"))[1])
        devices = set(re.findall(r'name "([^"]+)"', self.output(program, "-device", "help")))
        self.assertEqual(own["vhost_user_device"]["value"], "vhost-user-test-device-pci" in devices)
        self.assertEqual(own["vfio"]["value"], "vfio-pci" in devices)
        self.assertEqual(own["venus"]["value"], "virtio-gpu-gl-pci" in devices)
        listed = self.output(program, "-accel", "help").split(":", 1)[1].split()
        self.assertEqual(own["accelerators"]["value"], listed)

    def check_kvm(self, facts):
        kvm = pathlib.Path("/dev/kvm")
        accelerators = facts["accelerators"]
        self.assertEqual(accelerators["kvm_exists"]["value"], kvm.exists())
        if kvm.exists():
            self.assertEqual(accelerators["kvm_group"]["value"], grp.getgrgid(kvm.stat().st_gid).gr_name)
            self.assertEqual(accelerators["kvm_opens"]["value"], os.access(kvm, os.R_OK | os.W_OK))

    def check_vulkan(self, facts):
        summary = self.output("vulkaninfo", "--summary")
        names = re.findall(r"^\s*deviceName\s*= (.*)$", summary, re.M)
        devices = facts["vulkan"]["devices"]["value"]
        self.assertEqual(sorted(device["name"] for device in devices), sorted(names))
        kinds = {"CPU": "cpu", "DISCRETE_GPU": "discrete", "INTEGRATED_GPU": "integrated", "VIRTUAL_GPU": "virtual"}
        types = re.findall(r"^\s*deviceType\s*= PHYSICAL_DEVICE_TYPE_(.*)$", summary, re.M)
        self.assertEqual(sorted(device["kind"] for device in devices), sorted(kinds.get(each, "other") for each in types))
        manifests = {str(file) for file in pathlib.Path("/usr/share/vulkan/icd.d").glob("*.json")}
        told = {icd["manifest"] for icd in facts["vulkan"]["icds"]}
        self.assertEqual(told, {file for file in manifests if not re.search("/(virtio|gfxstream_vk)_icd", file)})
        self.assertEqual([icd for icd in facts["vulkan"]["icds"] if icd["problem"]], [])

    def check_pci(self, facts):
        # Without names: an id that the data base does not have is no difference.
        lines = self.output("lspci", "-Dn").splitlines()
        graphics = {}
        for line in lines:
            address, pci_class, ids = re.match(r"(\S+) (\w{4}): (\w{4}:\w{4})", line).groups()
            if pci_class.startswith("03"):
                graphics[address] = ids
        told = {
            gpu["pci"]["address"]: f"{gpu['pci']['vendor']:04x}:{gpu['pci']['device']:04x}"
            for gpu in facts["gpus"]
            if gpu["pci"]
        }
        self.assertEqual(told, graphics)
        groups = pathlib.Path("/sys/kernel/iommu_groups")
        self.assertEqual(facts["iommu"]["on"]["value"], groups.exists() and any(groups.iterdir()))
        names = {gpu["pci"]["address"]: gpu["pci"]["name"] for gpu in facts["gpus"] if gpu["pci"]}
        for address, name in names.items():
            self.assertIn(name, self.output("lspci", "-s", address, "-nn"))

    def test_agrees_with_what_the_systems_own_tools_say(self):
        facts = self.facts()
        for check in (
            self.check_system,
            self.check_processor_and_memory,
            self.check_qemu,
            self.check_kvm,
            self.check_vulkan,
            self.check_pci,
        ):
            with self.subTest(check.__name__):
                check(facts)
        works = {each["name"] for each in facts["services"]["encoders"]["value"] if each["works"]}
        self.assertIn("libx264", works)

    def test_a_description_gives_the_same_facts(self):
        file = self.scratch.path / "here.host"
        facts = self.facts("--describe", file)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        again = self.facts("--description", file)
        # What tells whose machine this is, is replaced, unless it is everybody's.
        home = os.environ.get("HOME", "/")
        if home not in ("/", "/root"):
            facts = json.loads(json.dumps(facts).replace(home, "/home/user"))
        for each in (facts, again):
            del each["user"], each["system"]["command_line"]
        self.assertEqual(again, facts)

    def test_what_is_no_description_is_told(self):
        file = self.scratch.path / "bad.host"
        file.write_text("@ file /etc/os-release\nID=debian\n@ nonsense\n")
        finished = run([HESPER, "facts", "--description", file], self.scratch.environment(), 60)
        self.assertEqual(finished.status, 125, finished)
        self.assertIn('Line 3 of the description: There is no section "nonsense"', finished.errors)
        missing = run([HESPER, "facts", "--description", self.scratch.path / "none"], self.scratch.environment(), 60)
        self.assertEqual(missing.status, 125, missing)
