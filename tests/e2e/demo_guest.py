# The demo guest, as tools/guest makes it, in a virtual machine of the tests: a Debian with a Wayland compositor. Brings
# the programs of tests/clients and tests/guest with it, under /mnt.
import os
import pathlib
import shutil
import subprocess

from guest import VM, Machine, input_arguments
from support import PROGRAMS, Missing, run, tools_present

MAKER = pathlib.Path(__file__).parents[2] / "tools/guest"


def made(*options):
    """The folder of a guest, which is made if it is missing."""
    finished = run([MAKER, *options], os.environ, 300)
    if finished.status != 0:
        raise Missing(f"The demo guest could not be made:\n{finished.errors[-3000:]}")
    return pathlib.Path(finished.output.strip())


def programs_disk(scratch):
    """A file system with our own programs."""
    tools_present("mkfs.erofs")
    path = scratch.path / "programs.erofs"
    if not path.exists():
        folder = scratch.path / "programs"
        folder.mkdir()
        for program in (*(PROGRAMS / "clients").iterdir(), *(PROGRAMS / "guest").iterdir()):
            if program.is_file() and os.access(program, os.X_OK) and program.suffix == "":
                shutil.copy(program, folder)
        subprocess.run(["mkfs.erofs", "--quiet", "--all-root", path, folder], check=True)
    return path


class DemoGuest(Machine):
    """options: of tools/guest; parameters: more of the kernel's command line."""

    memory = "1G"
    console = "ttyS0"

    def __init__(self, scratch, gpu, options=(), parameters=""):
        self._folder = made(*options)
        self._parameters = parameters
        self._input_arguments = input_arguments(gpu)
        super().__init__(scratch, gpu)

    def _boot_arguments(self, scratch):
        disks = []
        for file in (self._folder / "root.erofs", programs_disk(scratch)):
            disks += ["-drive", f"if=virtio,format=raw,readonly=on,file={file}"]
        return [
            "-cpu", "max", "-smp", "2", *disks, *self._input_arguments,
            "-kernel", self._folder / "kernel", "-initrd", self._folder / "initramfs",
            "-append",
            f"console=tty0 console={self.console} quiet panic=-1 vt.global_cursor_default=0 {self._parameters}",
        ]  # fmt: skip

    def boot(self, timeout=240):
        """To root's shell on the serial line."""
        before, _ = self.wait_for(r"root@guest:~# ", timeout, "The guest does not get as far as its shell.")
        loop = "while read -r line; do (eval \"$line\") </dev/null; echo \"==status $?\"; done"
        self.process.stdin.write(f"stty -echo; echo ==rea''dy; {loop}\n".encode())
        self.process.stdin.flush()
        self.wait_for(r"==ready\n", 60, "The guest's shell does not answer.")
        self.run("mount -t erofs -o ro /dev/vdb /mnt")
        return before

    def wait_for_desktop(self, timeout=300):
        ready = "[ -S $XDG_RUNTIME_DIR/wayland-0 ]"
        self.run(f"for i in $(seq {timeout * 5}); do {ready} && exit; sleep 0.2; done; exit 1", timeout + 20)

    def start_program(self, command, says, timeout=240):
        """Starts a program in the background and waits for a line of it that has this; the line. Its output is in
        /tmp/NAME.log, its process id in /tmp/NAME.pid."""
        name = pathlib.PurePath(command.split()[0]).name
        self.run(f"{command} >/tmp/{name}.log 2>&1 & echo $! >/tmp/{name}.pid")
        look = f"grep '{says}' /tmp/{name}.log && exit; kill -0 $(cat /tmp/{name}.pid) || break; sleep 0.2"
        wait = f"for i in $(seq {timeout * 5}); do {look}; done; cat /tmp/{name}.log; exit 1"
        return self.run(wait, timeout + 20).strip()

    def end_program(self, name):
        self.run(f"kill $(cat /tmp/{name}.pid)")


class ArmGuest(DemoGuest):
    """For arm64, emulated. The programs that it brings are for another processor."""

    qemu, board = VM / "bin/qemu-system-aarch64", "virt"
    console = "ttyAMA0"
