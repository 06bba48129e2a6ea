# Virtual machines of `hesper run` for the tests: what they are started with, what their guest says, and what is left of
# them at the end.
import contextlib
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import threading
import time

import guest
from support import HESPER, Missing, end_group, run, wait_until

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
stty -echo
while read module; do insmod /modules/$module || echo "insmod $module failed"; done </modules/order
acpid -c /acpi -l /acpi.log
[ ! -e /dev/vda ] || mount -t ext4 /dev/vda /disk
echo "==ready"
while read -r line; do (eval "$line"); echo "==status $?"; done
"""

# What acpid starts when somebody presses the power button: it unmounts the disk, as soon as nobody writes on it.
POWER_BUTTON = """#!/bin/sh
echo "==power button" >/dev/ttyS0
while grep -q " /disk " /proc/mounts; do umount /disk; done
poweroff -f
"""


# What udhcpc does with what it is given.
CONFIGURE = """#!/bin/sh
[ "$1" != bound ] || {
  ip address add $ip/${mask:-24} dev $interface
  ip route add default via $router dev $interface
  echo "router $router"
}
"""


def initramfs():
    """A guest that obeys its power button. Mounts its disk, if it has one."""
    folder, program, data = 0o040755, 0o100755, 0o100644
    loaded = guest.modules(
        "button", "evdev", "virtio_blk", "crc32c_generic", "ext4", "virtio_gpu", "virtio_input", "virtio_net"
    )
    folders = ("bin", "dev", "proc", "sys", "modules", "disk", "mnt", "acpi", "acpi/PWRF", "etc", "var", "var/run")
    entries = {name: (folder, b"") for name in folders}
    entries["bin/busybox"] = (program, (guest.VM / "usr/bin/busybox").read_bytes())
    entries["init"] = (program, INIT.encode())
    entries["bin/configure"] = (program, CONFIGURE.encode())
    entries["acpi/PWRF/00000080"] = (program, POWER_BUTTON.encode())
    for name, content in loaded.items():
        entries[f"modules/{name}.ko"] = (data, content)
    entries["modules/order"] = (data, "".join(f"{name}.ko\n" for name in loaded).encode())
    return guest.archive(entries)


def environment(scratch):
    """For hesper: it finds QEMU and virtiofsd by PATH."""
    result = scratch.environment()
    if not (guest.VM / "bin/virtiofsd").exists():
        raise Missing(f"There is no virtiofsd in {guest.VM}; ./dev test fetches it.")
    return result | {"PATH": f"{guest.VM / 'bin'}:{result['PATH']}"}


def hesper(scratch, *command, timeout=60):
    return run([HESPER, *command], environment(scratch), timeout)


def descendants(process):
    """Process ids with what they are called, of this process and all below it."""
    parents, names = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(ValueError, OSError):
            number = int(entry.name)
            stat = (entry / "stat").read_text()
            parents[number] = int(stat.rpartition(")")[2].split()[1])
            names[number] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    found = {process}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return {number: names[number] for number in found if number in names}


def runs(process):
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Run:
    """hesper run. arguments: more of its command line. terminal: it gets a pseudo terminal instead of pipes. kernel: it
    has one; else firmware has to find something."""

    def __init__(
        self, scratch, *arguments, name="vm", terminal=False, accelerator="tcg", memory="256M", kernel=True, net="none"
    ):
        self._scratch = scratch
        self.name = name
        self.folder = scratch.path / "runtime/hesper" / name
        image = scratch.path / "initramfs-run"
        if not image.exists():
            image.write_bytes(initramfs())
        self._errors_path = scratch.path / f"{name}.log"
        self._errors = open(self._errors_path, "a")
        self.terminal = None
        ends = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        if terminal:
            self.terminal, inside = pty.openpty()
            ends = {"stdin": inside, "stdout": inside}
        options = ["--name", name, "--accel", accelerator, "--memory", memory, "--net", net, *arguments]
        if kernel:
            options += ["--kernel", guest.kernel(), "--initrd", image, "--append", "console=tty0 quiet panic=-1"]
        command = self._command(options)
        self.process = subprocess.Popen(
            list(map(str, command)), env=environment(scratch), stderr=self._errors, start_new_session=True, **ends
        )
        self._output = ""
        self._changed = threading.Condition()
        if terminal:
            self.inside = inside
            self._from, self._to = self.terminal, self.terminal
        else:
            self._from, self._to = self.process.stdout.fileno(), self.process.stdin.fileno()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _command(self, options):
        """What starts a machine of these options."""
        return [HESPER, "run", *options]

    def _read(self):
        with contextlib.suppress(OSError):
            while part := os.read(self._from, 65536):
                with self._changed:
                    self._output += part.decode(errors="replace").replace("\r", "")
                    self._changed.notify_all()

    def wait_for(self, pattern, timeout, what):
        end = time.monotonic() + timeout
        with self._changed:
            while not (found := re.search(pattern, self._output)):
                if not self._changed.wait(max(0, end - time.monotonic())) and time.monotonic() > end:
                    raise AssertionError(f"{what} ({timeout} s)\n{self._output[-3000:]}\n{self.errors()[-3000:]}")
            before, self._output = self._output[: found.start()], self._output[found.end() :]
        return before, found

    def type(self, text):
        os.write(self._to, text.encode())

    def boot(self, timeout=120):
        self.wait_for(r"==ready\n", timeout, "The guest does not get as far as its shell.")

    def run(self, line, timeout=60):
        """Runs a line of shell in the guest; what it prints. It must succeed."""
        self.type(f"{line}\n")
        output, found = self.wait_for(r"==status (\d+)\n", timeout, f"The guest does not finish '{line}'.")
        assert found[1] == "0", f"In the guest, '{line}' failed with {found[1]}:\n{output}"
        return output

    def errors(self):
        return self._errors_path.read_text(errors="replace")

    def describe(self):
        """What hesper list --json says about it, or None."""
        listed = hesper(self._scratch, "list", "--json")
        assert listed.status == 0, listed
        return next((each for each in json.loads(listed.output) if each["name"] == self.name), None)

    def started(self):
        """Waits until QEMU runs, which is long before the guest does. All processes, by what they are called."""
        wait_until(lambda: self._runs() or self.process.poll() is not None, 60, "The virtual machine does not start.")
        assert self.process.poll() is None, f"hesper run has ended:\n{self.errors()}"
        return descendants(self.process.pid)

    def _runs(self):
        return (self.describe() or {}).get("state") == "running"

    def wait(self, timeout=60):
        """The exit status of hesper run."""
        try:
            return self.process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"hesper run does not end within {timeout} s.\n{self.errors()[-3000:]}") from None

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        end_group(self.process)
        self._reader.join(timeout=10)
        if self.terminal is None:
            self.process.stdin.close()
            self.process.stdout.close()
        else:
            os.close(self.inside)
            os.close(self.terminal)
        self._errors.close()
