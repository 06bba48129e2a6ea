# hesper export: what it writes is what other programs take: shells, libvirt's schema, systemd; and a guest that boots
# from its script, under TCG.
import os
import re
import shlex
import signal
import subprocess

import guest
from machines import Run, descendants, environment, hesper, runs
from support import TestCase, run, tools_present, wait_until


def setUpModule():
    tools_present("virt-xml-validate", "shellcheck", "systemd-analyze", "dash")


# Options of hesper run that a machine is exported with; {folder} is the test's.
MACHINES = {
    "kernel": ["--kernel", "{kernel}", "--append", "console=ttyS0 'a b' $HOME %h"],
    "disks": ["{folder}/disk one.img", "--disk", "{folder}/it's 100% $HOME.img,readonly", "--disk", "{folder}/a,b.img"],
    "efi": ["{folder}/disk one.img", "--firmware", "efi"],
    "efi with variables": ["{folder}/disk one.img", "--firmware", "efi", "--efi-variables", "{folder}/vars & <more>.fd"],
    "bios": ["{folder}/disk one.img", "--firmware", "bios"],
    "firmware file": ["{folder}/disk one.img", "--firmware", "{folder}/a,b.img"],
    "no network": ["{folder}/disk one.img", "--net", "none"],
    "ports": ["{folder}/disk one.img", "--forward", "2222:22", "--forward", "udp:0.0.0.0:5353:53"],
    "passt": ["{folder}/disk one.img", "--net", "passt", "--forward", "2222:22"],
    "shares": ["{folder}/disk one.img", "--share", "{folder}/shared folder:one", "--share", "{folder}:two"],
    "vsock": ["{folder}/disk one.img", "--vsock", "7"],
    "serial file": ["{folder}/disk one.img", "--serial", "{folder}/serial log"],
    "no serial": ["{folder}/disk one.img", "--serial", "none"],
    "qemu's input": ["{folder}/disk one.img", "--input", "qemu"],
    "screens": ["{folder}/disk one.img", "--display", "1920x1080", "--display", "off", "--no-web", "--gpu-window", "1G"],
    "no view": ["{folder}/disk one.img", "--no-web"],
    "kvm": ["{folder}/disk one.img", "--accel", "kvm"],
    "arm64": ["{folder}/disk one.img", "--arch", "aarch64", "--qemu", "{vm}/bin/qemu-system-x86_64", "--firmware",
              "{folder}/a,b.img"],
    "tuned": ["{folder}/disk one.img", "--cpus", "8", "--cpu-topology", "1:4:2", "--memory", "64M", "--huge-pages", "2M",
              "--memory-node", "0", "--lock-memory", "on"],
    "sandbox off": ["{folder}/disk one.img", "--qemu-sandbox", "off"],
    "arguments": ["{folder}/disk one.img", "--qemu-arg=-fw_cfg", "--qemu-arg=name=opt/x,string=<&\"'%s\\;$x #"],
}  # fmt: skip


class Files(TestCase):
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.folder = self.scratch.path / "machine"
        self.folder.mkdir()
        for name in ("disk one.img", "it's 100% $HOME.img", "a,b.img"):
            (self.folder / name).write_bytes(bytes(1 << 20))
        (self.folder / "shared folder").mkdir()

    def options(self, name):
        texts = {"folder": self.folder, "kernel": guest.kernel(), "vm": guest.VM}
        options = [text.format_map(texts) for text in MACHINES[name]]
        return [*options, "--name", "a.name", *([] if "--accel" in options else ["--accel", "tcg"])]

    def export(self, kind, *arguments):
        return hesper(self.scratch, "export", kind, *arguments)

    def exported(self, kind, name, *arguments):
        """The files of a machine of the table, by their names."""
        folder = self.scratch.path / "exported" / kind / name.replace("/", "-")
        self.expect_success(self.export(kind, *self.options(name), "-o", f"{folder}/", *arguments))
        return {path.name: path for path in folder.iterdir()}

    def verify(self, units):
        """As a user's manager would read them, also those for the system's, whose folder /run/systemd is not ours."""
        self.check("systemd-analyze", "verify", "--user", *units)

    def check(self, *command):
        finished = run(command, self.scratch.environment())
        self.assertEqual((finished.status, finished.errors), (0, ""), finished)
        return finished.output

    def lines(self, name):
        """The commands of a machine, each a list of words: what --bare prints, which a shell reads."""
        bare = self.expect_success(self.export("qemu", "--bare", *self.options(name))).output
        commands = [[word for word in shlex.split(line) if word != "&"] for line in bare.splitlines()]
        return [command for command in commands if command[0] != "mkdir" and command[1] != "efi-variables"]

    def test_scripts_are_good_shell(self):
        for name in MACHINES:
            with self.subTest(name):
                (script,) = self.exported("qemu", name).values()
                self.assertEqual(script.stat().st_mode & 0o111, 0o111 & ~os.umask(os.umask(0o022)))
                self.check("shellcheck", "--shell=sh", script)
                self.check("dash", "-n", script)

    def words_of_script(self, script):
        """The commands that a script starts, as the shell itself sees them."""
        text = script.read_text()
        folder = re.search(r"(?m)^folder=.*$", text)[0]
        started = re.findall(r"(?ms)^apart (.*?) &$", text) + re.findall(r"(?ms)^exec 3<&0[^\n]*\n(.*?) <&3 &$", text)
        printed = [f"printf '%s\\0' {command}; printf '\\n\\0'" for command in started]
        output = subprocess.run(["dash", "-c", "\n".join([folder, *printed])], stdout=subprocess.PIPE, check=True).stdout
        commands = output.decode().split("\n\0")
        return [command.split("\0")[:-1] for command in commands[:-1]]

    def test_scripts_start_the_same_commands(self):
        for name in MACHINES:
            with self.subTest(name):
                (script,) = self.exported("qemu", name).values()
                self.assertCountEqual(self.words_of_script(script), self.lines(name))

    def test_domains_are_valid(self):
        for name in MACHINES:
            for more in ([], ["--system"]):
                with self.subTest(name, more=more):
                    files = self.exported("libvirt", name, "--force", *more)
                    validated = run(["virt-xml-validate", files["a.name.xml"], "domain"], self.scratch.environment())
                    self.expect_success(validated)
                    units = [path for file, path in files.items() if file.endswith(".service")]
                    self.assertNotIn("--once", files["hesper-gpu@a.name.service"].read_text())
                    self.verify(units)

    def test_domain_says_what_the_command_line_says(self):
        """Texts that need quotes arrive as they are, and what only QEMU knows is on its command line."""
        import xml.etree.ElementTree as ElementTree

        tree = ElementTree.parse(self.exported("libvirt", "disks")["a.name.xml"])
        self.assertEqual(
            [source.get("file") for source in tree.findall("devices/disk/source")],
            [f"{self.folder}/{name}" for name in ("disk one.img", "it's 100% $HOME.img", "a,b.img")],
        )
        tree = ElementTree.parse(self.exported("libvirt", "arguments")["a.name.xml"])
        argument = "{http://libvirt.org/schemas/domain/qemu/1.0}commandline/{http://libvirt.org/schemas/domain/qemu/1.0}arg"
        values = [each.get("value") for each in tree.findall(argument)]
        self.assertEqual(values[-2:], [each.removeprefix("--qemu-arg=") for each in MACHINES["arguments"][-2:]])
        socket = f"{self.scratch.path}/runtime/hesper-a.name/gpu"
        self.assertEqual(values[:2], ["-chardev", f"socket,id=gpu,path={socket}"])
        places = [re.search(r",bus=pcie\.0,addr=(.*)", value)[1] for value in values if value.startswith("vhost-user-")]
        self.assertEqual(places, ["0x10", "0x11", "0x12", "0x13", "0x14"])

    def words_of_unit(self, path):
        """The words of ExecStart=, by the rules of systemd.service(5)."""
        text = path.read_text().replace("\\\n", " ")
        (line,) = re.findall(r"(?m)^ExecStart=:(.*)$", text)
        words = []
        for word in re.findall(r'"(?:[^"\\]|\\.)*"|[^\s"]+', line):
            if word[0] == '"':
                word = re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), word[1:-1])
            words.append(re.sub("%(.)", lambda found: {"%": "%", "t": f"{self.scratch.path}/runtime"}[found[1]], word))
        return words

    def test_units_are_verified_and_start_the_same_commands(self):
        for name in MACHINES:
            for more in ([], ["--system", "--as", "daemon"]):
                with self.subTest(name, more=more):
                    files = self.exported("systemd", name, "--force", *more)
                    self.assertIn("hesper-vm@a.name.service", files)
                    self.verify(files.values())
                    there = str(self.scratch.path / "runtime")
                    lines = [
                        [word.replace(f"{there}/hesper/_a.name/", f"{there}/hesper-a.name/") for word in line]
                        for line in self.lines(name)
                    ]
                    units = [self.words_of_unit(path) for path in files.values()]
                    # The terminal's part: a unit has none.
                    serial = ["-chardev", f"socket,id=console,path={there}/hesper-a.name/console,server=on,wait=off",
                              "-serial", "chardev:console"]  # fmt: skip
                    for line in lines:
                        if "mon:stdio" in line:
                            at = line.index("mon:stdio")
                            line[at - 1 : at + 1] = serial
                    self.assertCountEqual(units, lines)

    def test_files_are_not_replaced_unless_told_to(self):
        options = self.options("kernel")
        file = self.folder / "script"
        self.expect_success(self.export("qemu", *options, "-o", file))
        before = file.read_text()
        refused = self.export("qemu", *options, "--cpus", "3", "-o", file)
        self.assertEqual(refused.status, 1)
        self.assertIn(f"'{file}' is there already; --force replaces it.", refused.errors)
        self.assertEqual(file.read_text(), before)
        self.expect_success(self.export("qemu", *options, "--cpus", "3", "-o", file, "--force"))
        self.assertIn("-smp 3", file.read_text())
        self.assertEqual(self.expect_success(self.export("qemu", *options, "--cpus", "3")).output, file.read_text())
        self.assertIn("give -o a folder", self.export("systemd", *options, "-o", file, "--force").errors)
        alone = self.expect_success(self.export("libvirt", *options))
        self.assertIn("hesper gpu and hesper view must run beside it", alone.errors)
        self.assertTrue(alone.output.startswith("<domain "))

    def test_what_a_format_cannot_say_is_refused(self):
        options = self.options("kernel")
        newline = self.folder / "a\nb.img"
        newline.write_bytes(bytes(1 << 20))
        bell = self.folder / "a\ab.img"
        bell.write_bytes(bytes(1 << 20))
        for disk in (newline, bell):
            self.expect_success(self.export("qemu", *options, "--disk", disk))
        self.assertIn("&#10;", self.expect_success(self.export("libvirt", *options, "--disk", newline)).output)
        self.expect_success(self.export("systemd", *options, "--disk", newline))
        self.assertIn("XML has no way to say", self.export("libvirt", *options, "--disk", bell).errors)
        self.assertIn("systemd has no way to say", self.export("systemd", *options, "--disk", bell).errors)
        self.assertIn("--vsock a number", self.export("qemu", *options, "--vsock", "auto").errors)
        self.assertIn("--vsock a number", self.export("systemd", *options, "--vsock", "auto").errors)
        self.assertIn("<cid auto='yes'/>", self.expect_success(self.export("libvirt", *options, "--vsock", "auto")).output)
        self.assertIn("neither a file nor the name of a virtual machine", self.export("qemu", "nobody").errors)


class ScriptRun(Run):
    """A machine of an exported script."""

    def _command(self, options):
        self.script = self._scratch.path / "script.sh"
        exported = hesper(self._scratch, "export", "qemu", *options, "-o", self.script)
        assert exported.status == 0, exported
        self.folder = self._scratch.path / "runtime/hesper" / f"_{self.name}"
        return [self.script]


class Script(TestCase):
    def test_a_guest_boots_and_shuts_down(self):
        shared = self.scratch.path / "shared"
        shared.mkdir()
        (shared / "from-host").write_text("hello guest\n")
        machine = self.start(ScriptRun, self.scratch, "--cpus", "1", "--share", f"{shared}:tag")
        machine.boot()
        # Some of them have sessions of their own, but none another parent.
        processes = descendants(machine.process.pid)
        for name in ("hesper gpu", "hesper-gpu", "hesper-view", "virtiofsd", "qemu-system"):
            self.assertTrue(any(name in each for each in processes.values()), f"There is no {name}: {processes}")
        self.assertEqual(machine.run("mount -t virtiofs tag /mnt; cat /mnt/from-host"), "hello guest\n")
        picture = self.scratch.path / "screen.png"
        self.expect_success(hesper(self.scratch, "screenshot", "--socket", machine.folder / "gpu", "-o", picture))
        again = run([machine.script], environment(self.scratch))
        self.assertEqual(again.status, 1)
        self.assertIn(f"runs already, as process {machine.process.pid}", again.errors)

        machine.process.send_signal(signal.SIGTERM)
        machine.wait_for("==power button", 30, "The guest is not told to shut down.")
        self.assertEqual(machine.wait(60), 0, machine.errors())
        left = lambda: {number: name for number, name in processes.items() if runs(number)}
        wait_until(lambda: not left(), 20, "Processes are left.")
        self.assertEqual(list((self.scratch.path / "runtime/hesper").iterdir()), [])

    def test_what_does_not_start_leaves_nothing(self):
        machine = self.start(ScriptRun, self.scratch, "--qemu-arg=-device", "--qemu-arg=nonsense")
        self.assertEqual(machine.wait(60), 1)
        self.assertIn("nonsense", machine.errors())
        self.assertEqual(list((self.scratch.path / "runtime/hesper").iterdir()), [])
