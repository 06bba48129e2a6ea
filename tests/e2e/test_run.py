# hesper run, list and stop: a virtual machine from its start to its end, by whatever end; under TCG.
import contextlib
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import termios
import threading
import time

import guest
from browser import Address, WebSocket
from clipboard import COPIED, HERE, WANTED, agent_text
from machines import Run, descendants, environment, hesper, runs
from support import HESPER, TestCase, run, tools_present, wait_until


def setUpModule():
    tools_present("pngtopnm")


class Base(TestCase):
    def assert_nothing_left(self, processes):
        """No process of these, no socket, no file."""
        left = lambda: {number: name for number, name in processes.items() if runs(number)}
        wait_until(lambda: not left(), 10, f"Processes are left: {left()}")
        root = self.scratch.path / "runtime/hesper"
        wait_until(lambda: not list(root.rglob("*")), 10, f"Files are left: {list(root.rglob('*'))}")

    def disk(self):
        """An ext4 file system."""
        image = self.scratch.path / "disk.img"
        subprocess.run([guest.VM / "bin/mke2fs", "-q", "-t", "ext4", image, "32M"], check=True)
        return image


class Life(Base):
    """One guest, all that can be done with it; and another one beside it."""

    def test_boot_list_screens_share_and_stop(self):
        shared = self.scratch.path / "shared"
        shared.mkdir()
        (shared / "from-host").write_text("hello guest\n")
        machine = self.start(Run, self.scratch, "--cpus", "1", "--display", "1024x768", "--display", "off", "--share",
                             f"{shared}:tag", name="one")  # fmt: skip
        machine.boot()
        processes = machine.started()

        with self.subTest("list"):
            listed = machine.describe()
            for key, value in {"state": "running", "accelerator": "tcg", "cpus": 1, "memory": 256 << 20, "displays": 2,
                               "process": machine.process.pid}.items():  # fmt: skip
                self.assertEqual(listed[key], value, key)
            self.assertIn(listed["qemu_process"], processes)
            table = hesper(self.scratch, "list").output
            self.assertRegex(table, r"(?m)^one +running +x86_64 +tcg +1 +256 MiB")

        with self.subTest("screenshot and display by name"):
            picture = self.scratch.path / "screen.png"
            wait_until(
                lambda: hesper(self.scratch, "screenshot", "one", "-o", picture).status == 0, 30, "There is no picture."
            )
            self.assertEqual((guest.Picture(picture).width, guest.Picture(picture).height), (1024, 768))
            self.expect_success(hesper(self.scratch, "screenshot", "-o", picture))  # the only one
            self.expect_success(hesper(self.scratch, "display", "one", "set", "1", "800x600"))
            self.assertIn("800x600", self.expect_success(hesper(self.scratch, "display", "one", "list")).output)

        with self.subTest("shared folder"):
            machine.run("mount -t virtiofs tag /mnt")
            self.assertIn("hello guest", machine.run("cat /mnt/from-host"))
            machine.run("echo hello host >/mnt/from-guest")
            self.assertEqual((shared / "from-guest").read_text(), "hello host\n")

        with self.subTest("clipboard"):  # of which a few lines of shell are the agent
            address = Address(re.search(r"web: (http://\S+)", machine.errors()).group(1))
            viewer = self.start(WebSocket, address, address.token)
            viewer.hello()
            port = "exec 3<>/dev/$(basename $(dirname $(grep -l com.redhat.spice.0 /sys/class/virtio-ports/*/name)))"
            say = lambda data: "printf '" + "".join(f"\\{byte:03o}" for byte in data) + "' >&3"
            machine.run(f"{port}; {say(HERE + COPIED + agent_text('aus dem Gast ✓'))}")
            self.assertEqual(viewer.receive_type(12)[4:].decode(), "aus dem Gast ✓")
            viewer.send(bytes([0x91, 0, 0, 0]) + b"for the guest")
            machine.run(
                f"{port}; {say(HERE)}; cat <&3 >/clip & until grep -q 'for the guest' /clip; do {say(WANTED)}; sleep 1; "
                "done; kill $!"
            )
            viewer.close()

        with self.subTest("export by name"):
            bare = self.expect_success(hesper(self.scratch, "export", "qemu", "--bare", "one")).output
            exported = shlex.split(bare.splitlines()[-1])
            command = pathlib.Path(f"/proc/{listed['qemu_process']}/cmdline").read_text().split("\0")[:-1]
            own = re.compile("mon:stdio|-serial|chardev:console|.*id=(console|qmp),.*|-chardev")  # how it is connected
            there = [word.replace("/_one/", "/one/") for word in exported if not own.fullmatch(word)]
            # The first one is behind a script of the tests.
            self.assertEqual(there[1:], [word for word in command if not own.fullmatch(word)][-len(there) + 1 :])
            refused = hesper(self.scratch, "export", "qemu", "one", "--cpus", "2")
            self.assertIn("'one' runs, and is exported as it does", refused.errors)

        with self.subTest("two side by side"):
            other = self.start(Run, self.scratch, name="two")
            others = other.started()
            self.assertEqual(hesper(self.scratch, "list", "--names").output, "one\ntwo\n")
            refused = hesper(self.scratch, "screenshot")
            self.assertIn("name one of one, two", refused.errors)
            again = hesper(self.scratch, "run", "--kernel", guest.kernel(), "--name", "two", "--accel", "tcg")
            self.assertEqual(again.status, 1)
            self.assertIn("hesper stop two", again.errors)
            self.expect_success(hesper(self.scratch, "stop", "two", "--force"))
            self.assertEqual(other.wait(), 0)
            wait_until(lambda: not any(map(runs, others)), 10, "Processes of the second are left.")
            self.assertFalse(other.folder.exists())
            self.assertEqual(machine.run("echo still here").strip(), "still here")

        self.expect_success(hesper(self.scratch, "stop"))
        self.assertEqual(machine.wait(), 0)
        machine.wait_for("==power button", 1, "The guest was not asked to shut down.")
        self.assertNotIn("error", machine.errors())
        self.assert_nothing_left(processes)


class Signals(Base):
    """Without a terminal, or with one; the guest need not have booted."""

    def test_interrupt_twice(self):
        machine = self.start(Run, self.scratch)
        processes = machine.started()
        machine.process.send_signal(signal.SIGINT)
        wait_until(lambda: "told to shut down" in machine.errors(), 5, "Nobody says that the guest is told.")
        self.assertEqual(machine.describe()["state"], "shutting down")
        machine.process.send_signal(signal.SIGINT)
        self.assertEqual(machine.wait(20), 0)
        self.assert_nothing_left(processes)

    def test_terminate_has_a_limit(self):
        machine = self.start(Run, self.scratch, "--shutdown-time", "1")
        processes = machine.started()
        machine.process.send_signal(signal.SIGTERM)
        self.assertEqual(machine.wait(20), 0)
        self.assertIn("has not shut down within 1 s", machine.errors())
        self.assert_nothing_left(processes)

    def test_terminal_is_the_guests_but_for_our_keys(self):
        machine = self.start(Run, self.scratch, terminal=True)
        before = termios.tcgetattr(machine.inside)
        processes = machine.started()
        # The terminal is not this session's: nothing is in its foreground, so that it is left alone.
        self.assertEqual(termios.tcgetattr(machine.inside), before)
        machine.process.send_signal(signal.SIGINT)
        machine.process.send_signal(signal.SIGINT)
        self.assertEqual(machine.wait(20), 0)
        self.assert_nothing_left(processes)


class Terminal(Base):
    """With a controlling terminal, as in a shell."""

    def spawn(self):
        """hesper run on a terminal of its own: its process id, and the terminal's other end."""
        process, terminal = os.forkpty()
        if process == 0:
            with contextlib.suppress(Exception):
                os.execve(HESPER, [str(HESPER), "run", "--name", "tty", "--accel", "tcg", "--net", "none", "--memory", "256M",
                                   "--kernel", str(guest.kernel())], environment(self.scratch))  # fmt: skip
            os._exit(127)
        self.addCleanup(os.close, terminal)
        self.addCleanup(self.reap, process)
        wait_until(lambda: "running" in hesper(self.scratch, "list").output, 60, "The virtual machine does not start.")
        wait_until(lambda: not self.is_cooked(terminal), 10, "The terminal is not in raw mode.")
        return process, terminal

    def reap(self, process):
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)

    def is_cooked(self, terminal):
        return bool(termios.tcgetattr(terminal)[3] & termios.ISIG)

    def read_until(self, terminal, text):
        end, output = time.monotonic() + 20, ""
        while text not in output:
            self.assertLess(time.monotonic(), end, f"'{text}' is not printed: {output}")
            output += os.read(terminal, 65536).decode(errors="replace")

    def test_keys(self):
        process, terminal = self.spawn()
        processes = descendants(process)
        os.write(terminal, b"\x03\x03")  # Ctrl-C is the guest's
        os.write(terminal, b"\x01h")
        self.read_until(terminal, "Ctrl-a x")
        self.assertIn("running", hesper(self.scratch, "list").output)
        os.write(terminal, b"\x01x")
        self.read_until(terminal, "told to shut down")
        os.write(terminal, b"\x01x")
        _, status = os.waitpid(process, 0)
        self.assertEqual(status, 0)
        self.assertTrue(self.is_cooked(terminal))
        self.assert_nothing_left(processes)

    def test_killed_launcher_leaves_the_terminal_as_it_was(self):
        process, terminal = self.spawn()
        processes = descendants(process)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        wait_until(lambda: self.is_cooked(terminal), 10, "The terminal stays in raw mode.")
        self.assert_nothing_left(processes)


class Kills(Base):
    """kill -9 of each process; the guest has not booted and does not hear its power button."""

    # QEMU 11.1 aborts if the guest's firmware looks at the device just then.
    LOST_GPU = "The guest has lost its screens|hesper gpu .*, and QEMU with it"

    def kill(self, pattern, *arguments):
        (self.scratch.path / "shared").mkdir(exist_ok=True)
        machine = self.start(Run, self.scratch, "--share", f"{self.scratch.path / 'shared'}:tag", "--shutdown-time", "1",
                             *arguments)  # fmt: skip
        processes = machine.started()
        victims = [number for number, name in processes.items() if re.search(pattern, name)]
        self.assertTrue(victims, f"There is no process {pattern}: {processes}")
        os.kill(victims[0], signal.SIGKILL)
        return machine, processes

    def check(self, pattern, says, *arguments):
        machine, processes = self.kill(pattern, *arguments)
        wait_until(lambda: re.search(says, machine.errors()), 1, f"Nobody says '{says}'.")
        self.assertEqual(machine.wait(20), 1)
        self.assert_nothing_left(processes)

    def test_launcher(self):
        machine, processes = self.kill("hesper run ")
        self.assertEqual(machine.wait(20), -signal.SIGKILL)
        self.assert_nothing_left(processes)

    def test_qemu(self):
        self.check("usr/bin/qemu-system", "as if its plug were pulled")

    def test_hesper_gpu_launcher(self):
        self.check("hesper gpu ", self.LOST_GPU)

    def test_hesper_gpu_device(self):
        self.check("hesper-gpu ", self.LOST_GPU)

    def test_virtiofsd(self):
        self.check("virtiofsd ", "The guest has lost the shared folder 'tag'")

    def test_launcher_with_a_view(self):
        machine, processes = self.kill("hesper run ", "--trace", self.scratch.path / "trace")
        self.assertTrue([name for name in processes.values() if "hesper-view " in name])
        self.assertEqual(machine.wait(20), -signal.SIGKILL)
        self.assert_nothing_left(processes)

    def test_keeper(self):
        """Nothing happens but that nobody would tidy up after the launcher, which does so itself."""
        machine, processes = self.kill("hesper keep ")
        self.assertEqual(machine.describe()["state"], "running")
        self.expect_success(hesper(self.scratch, "stop", "--force"))
        self.assertEqual(machine.wait(20), 0)
        self.assert_nothing_left(processes)


class LostGpu(Base):
    def test_guest_shuts_down_with_its_disk_in_order(self):
        disk = self.disk()
        machine = self.start(Run, self.scratch, "--disk", f"{disk},format=raw")
        machine.boot()
        processes = machine.started()
        machine.run("(i=0; while :; do i=$((i+1)); echo $i >/disk/$((i % 50)) || break; done) >/dev/null 2>&1 &")
        machine.run("sleep 1; sync")
        (device,) = [number for number, name in processes.items() if "hesper-gpu " in name]
        os.kill(device, signal.SIGKILL)
        wait_until(lambda: "The guest has lost its screens" in machine.errors(), 1, "Nobody says what is lost.")
        self.assertIn("disks, network and serial console still work", machine.errors())
        machine.wait_for("==power button", 30, "The guest is not asked to shut down.")
        self.assertEqual(machine.wait(60), 1)
        self.assertNotIn("is ended.", machine.errors())  # it was not
        self.assert_nothing_left(processes)
        checked = run([guest.VM / "bin/e2fsck", "-f", "-n", disk], self.scratch.environment())
        self.assertEqual(checked.status, 0, f"The guest's disk is damaged: {checked}")
        self.assertRegex(run([guest.VM / "bin/debugfs", "-R", "cat 7", disk], self.scratch.environment()).output, r"^\d+\n$")


class Sentences(Base):
    """What is missing or wrong, and what to do about it. Starts no guest, or one that does not get far."""

    def refused(self, *arguments, **more):
        finished = run([HESPER, "run", "--accel", "tcg", *arguments], environment(self.scratch) | more)
        self.assertEqual(finished.status, 1, finished)
        self.assertEqual(list((self.scratch.path / "runtime/hesper").rglob("*")), [])
        return finished.errors

    def program(self, text):
        file = self.scratch.path / "program"
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return file

    def test_before_anything_starts(self):
        kernel = ("--kernel", guest.kernel())
        none = self.scratch.path / "none"
        self.assertIn("nothing to boot", self.refused())
        self.assertIn("QEMU is missing", self.refused(*kernel, "--qemu", none))
        self.assertIn("trixie-backports", self.refused(*kernel, PATH="/nowhere"))
        self.assertIn("kernel", self.refused("--kernel", none))
        self.assertIn(f"disk '{none}' cannot be opened", self.refused(none))
        self.assertIn("more than this host has", self.refused(*kernel, "--memory", "1000T"))
        self.assertIn("is not there", self.refused(*kernel, "--share", f"{none}:tag"))
        self.assertIn("--name", self.refused(*kernel, "--name", "a/b"))
        self.assertIn("2222:22", self.refused(*kernel, "--forward", "x"))
        self.assertIn("hesper list", run([HESPER, "stop", "nobody"], environment(self.scratch)).errors)
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            self.assertIn(f"port {port} (tcp) of 127.0.0.1 is in use", self.refused(*kernel, "--forward", f"{port}:22"))

    def test_file(self):
        file = self.scratch.path / "a.toml"
        file.write_text("cpus = 2\ncolour = 'red'\n")
        self.assertIn(f"{file}, line 2: The key 'colour' is unknown", self.refused(file))
        file.write_text(f"cpus = 3\nkernel = '{guest.kernel()}'\nname = 'file'\n[gpu]\nhost-memory = '2G'\n")
        dry = self.expect_success(hesper(self.scratch, "run", file, "--accel", "tcg", "--cpus", "4", "--dry-run"))
        self.assertIn("guest=file", dry.output)
        self.assertIn("-smp 4 ", dry.output)
        self.assertIn("--host-memory=2G", dry.output)

    def test_qemu_refuses(self):
        kernel = ("--kernel", guest.kernel())
        old = self.program("echo \"qemu: -device x: 'vhost-user-test-device-pci' is not a valid device model name\" >&2; exit 1")
        self.assertIn("needs QEMU 11.1 or newer", self.refused(*kernel, "--qemu", old))
        unknown = self.program("echo 'qemu: something new' >&2; exit 1")
        self.assertIn("QEMU ended with status 1: qemu: something new", self.refused(*kernel, "--qemu", unknown))
        self.assertIn("no device 'nonsense'", self.refused(*kernel, "--qemu-arg=-device", "--qemu-arg=nonsense"))
        self.assertIn("no display mode", self.refused(*kernel, "--display", "big"))

    def test_disk_of_another_machine(self):
        disk = self.disk()
        machine = self.start(Run, self.scratch, "--disk", f"{disk},format=raw", "--driver-time", "1")
        machine.started()
        second = run([HESPER, "run", "--accel", "tcg", f"{disk}", "--name", "second", "--net", "none"],
                     environment(self.scratch))  # fmt: skip
        self.assertEqual(second.status, 1)
        self.assertIn(f"'{disk}' is in use by another virtual machine", second.errors)
        wait_until(lambda: "CONFIG_DRM_VIRTIO_GPU" in machine.errors(), 10, "Nobody misses the guest's driver.")
        self.expect_success(hesper(self.scratch, "stop", "vm", "--force"))

    def chosen(self, *arguments):
        """What --accel auto comes to: the accelerator, and what is said about it."""
        dry = hesper(self.scratch, "run", "--kernel", guest.kernel(), "--dry-run", *arguments)
        return re.search(r" -accel (\w+) ", self.expect_success(dry).output)[1], dry.errors

    def test_accelerator_is_tried(self):
        """KVM, or a sentence that says why not; the second time from the cache."""
        first, said = self.chosen()
        if first != "kvm":
            self.assertEqual(first, "tcg")
            self.assertRegex(said, r"warning: .+ So QEMU translates the guest's code \(TCG\), which is slow\.")
        begin = time.monotonic()
        self.assertEqual(self.chosen(), (first, said))
        self.assertLess(time.monotonic() - begin, 2)

    def test_self_test_of_the_accelerator(self):
        """Its program is executed by TCG, which passes for KVM here."""
        if not os.access("/dev/kvm", os.R_OK | os.W_OK):
            self.assertIn("/dev/kvm", self.chosen()[1])
            return
        for accelerator, processor, says in (
            ("tcg", "max", None),
            ("tcg", "qemu64", None),  # without AVX and BMI2
            ("tcg", "qemu32", "much too slowly|executes guest code wrongly|does not start"),  # no long mode
        ):
            qemu = self.program(
                f'set -- $(echo "$*" | sed "s/-accel kvm/-accel {accelerator}/; s/-cpu host/-cpu {processor}/")\n'
                f'exec {guest.VM}/bin/qemu-system-x86_64 "$@"'
            )
            os.utime(qemu, (hash(processor) % 1000, hash(processor) % 1000))  # another program to the cache
            chosen, said = self.chosen("--qemu", qemu)
            self.assertEqual(chosen, "tcg" if says else "kvm", said)
            if says:
                self.assertRegex(said, says)
        broken = self.program("echo 'KVM internal error. Suberror: 1' >&2; exec sleep 1000")
        begin = time.monotonic()
        self.assertIn("cannot execute all that a kernel does", self.chosen("--qemu", broken)[1])
        self.assertLess(time.monotonic() - begin, 4)


class Firmware(Base):
    """EDK2 on the guest's screen, steered by our keyboard, and a kernel after it. Both firmwares write the same to their serial line."""

    def screen(self, machine):
        """What it shows, if that can be had, and where the first character is. EDK2's font is 8 by 19; it has 100 columns
        and 31 lines in the middle of the screen."""
        file = self.scratch.path / "screen.png"
        if hesper(self.scratch, "screenshot", machine.name, "-o", file).status != 0:
            return None, 0, 0
        picture = guest.Picture(file)
        return picture, (picture.width - 100 * 8) // 2, (picture.height - 31 * 19) // 2

    def press(self, machine, chord, has_worked):
        """One key, and what shows that it has arrived. EDK2 starts its keyboards anew when it shows another form, so that
        a key in that moment gets lost."""
        for attempt in (1, 2, 3):
            self.expect_success(hesper(self.scratch, "input", machine.name, "-e", f"key {chord}"))
            try:
                return has_worked(20)
            except AssertionError:
                if attempt == 3:
                    raise

    def type(self, machine, text):
        """At EDK2's shell, key after key."""
        for character in text:
            chord = f"shift+{character.lower()}" if character.isupper() else character.replace(" ", "space")
            echo = rf"\x1b\[\d+;\d+H{re.escape(character)}"
            self.press(machine, chord, lambda seconds: machine.wait_for(echo, seconds, f"No '{character}' arrives."))

    def assert_shell_is_typed_into(self, machine):
        machine.wait_for("Shell> ", 60, "The shell does not ask for a line.")
        self.type(machine, "echo Up")
        self.press(machine, "enter", lambda seconds: machine.wait_for(r"\nUp\n", seconds, "No line arrives."))
        machine.wait_for("Shell> ", 30, "The shell does not go on.")

    def assert_menu_is_walked_through(self, machine):
        """From EDK2's shell on."""
        self.type(machine, "exit")
        self.press(machine, "enter", lambda seconds: machine.wait_for("Move Highlight", seconds, "There is no menu."))
        entries = (9, 10, 11)

        def chosen():
            picture, left, top = self.screen(machine)
            # Light on black; the others are the other way round.
            return [row for row in entries if picture and picture.pixel(left + 3 * 8, top + row * 19) == (0, 0, 0)]

        def wait_for(row):
            return lambda seconds: wait_until(lambda: chosen() == [row], seconds, f"Row {row} of the menu is not chosen.")

        for chord, row in (("down", 9), ("down", 10), ("down", 11), ("up", 10)):
            self.press(machine, chord, wait_for(row))
        self.press(machine, "enter", lambda seconds: machine.wait_for("Boot Manager Menu", seconds, "No other menu."))

    def assert_shell_on_screen(self, machine):
        _, found = machine.wait_for(
            r"(UEFI Interactive Shell [^\n]*)\n([^\n]*)\n([^\n]*)\n[^\n]*Mapping table", 100, "EFI does not get to its shell."
        )
        lines = [line.rstrip() for line in found.groups()]
        self.assertIn("UEFI v2", lines[2])
        differs = "nothing was drawn"

        def shown():
            nonlocal differs
            picture, left, top = self.screen(machine)
            differs = picture.differs_from_text(lines, 100, height=19, left=left, top=top) if picture else differs
            return differs is None

        try:
            wait_until(shown, 30, "The screen does not show what the firmware writes")
        except AssertionError as error:
            raise AssertionError(f"{error}: {differs}") from None

    def assert_connected(self, machine, port):
        """Both ways. A server of the host's listens on its loopback, which the guest's router stands for."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(60)
            told = []

            def answer():
                with server.accept()[0] as connection:
                    told.append(connection.makefile().readline())
                    connection.sendall(b"from the host\n")

            answering = threading.Thread(target=answer, daemon=True)
            answering.start()
            machine.run("ip link set eth0 up; ip address flush dev eth0; udhcpc -i eth0 -n -q -t 20 -s /bin/configure")
            router = "$(ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p')"
            said = machine.run(f"echo 'from the guest' | timeout 30 nc {router} {server.getsockname()[1]}")
            answering.join(timeout=60)
            self.assertEqual((told, said.strip()), (["from the guest\n"], "from the host"))

        machine.run("(echo inside | timeout 60 nc -l -p 80 >/received; touch /done) >/dev/null 2>&1 & sleep 1")
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(b"outside\n")
            self.assertEqual(connection.makefile().readline(), "inside\n")
        machine.run("for i in $(seq 300); do [ -e /done ] && break; usleep 100000; done; rm /done")
        self.assertEqual(machine.run("cat /received"), "outside\n")

    def test_ovmf_draws_its_screen(self):
        machine = self.start(Run, self.scratch, "--firmware", "efi", kernel=False)
        self.assert_shell_on_screen(machine)
        self.assert_shell_is_typed_into(machine)
        self.assert_menu_is_walked_through(machine)
        self.expect_success(hesper(self.scratch, "stop", "--force"))
        self.assertEqual(machine.wait(20), 0)

    def test_aavmf_draws_its_screen(self):
        machine = self.start(Run, self.scratch, "--arch", "aarch64", "--firmware", "efi", kernel=False)
        self.assert_shell_on_screen(machine)
        self.assert_shell_is_typed_into(machine)
        self.expect_success(hesper(self.scratch, "stop", "--force"))
        self.assertEqual(machine.wait(20), 0)

    def test_efi_starts_a_kernel_and_passt_connects(self):
        variables = self.scratch.path / "variables.fd"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        machine = self.start(
            Run, self.scratch, "--firmware", "efi", "--efi-variables", variables, "--disk", f"{self.disk()},format=raw",
            "--forward", f"{port}:80", net="passt",
        )  # fmt: skip
        processes = machine.started()
        self.assertTrue(any("passt --foreground" in name for name in processes.values()), processes)
        self.assertEqual(variables.stat().st_size, (guest.VM / "share/OVMF/OVMF_VARS_4M.fd").stat().st_size)
        machine.boot()

        with self.subTest("EFI was there, and the kernel's console is now"):
            self.assertIn("EFI v2", machine.run("dmesg | grep 'efi: EFI'"))
            file = self.scratch.path / "screen.png"
            machine.run("printf '\\033[2J\\033[H\\033[?25lafter firmware' >/dev/tty1")
            wait_until(
                lambda: hesper(self.scratch, "screenshot", "-o", file).status == 0
                and guest.Picture(file).differs_from_text(["after firmware"], 160) is None,
                30,
                "The kernel's console is not on the screen.",
            )

        with self.subTest("out of the guest, to a server on the host, and into it"):
            self.assert_connected(machine, port)

        with self.subTest("a killed passt comes back"):
            for number, name in descendants(machine.process.pid).items():
                if "passt --foreground" in name:  # it may have forked
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(number, signal.SIGKILL)
            wait_until(lambda: "loses the connections" in machine.errors(), 30, "Nobody notices that passt is gone.")
            self.assert_connected(machine, port)

        self.expect_success(hesper(self.scratch, "stop", "--force"))
        self.assertEqual(machine.wait(20), 0)
        self.assert_nothing_left(processes)
