# A virtual machine for the tests: stock QEMU without KVM, Debian's kernel, and an initramfs made here: busybox, the
# modules of virtio-gpu, our own tests/guest, and, where a test wants it, Debian's Vulkan with both Mesa versions and our
# tests/clients. Its shell is driven over the serial line.
import contextlib
import json
import lzma
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time

from support import (
    BACKPORTS,
    HESPER,
    NATIVE_ICD,
    PROGRAMS,
    STABLE,
    VENUS_ICD,
    Missing,
    end_group,
    end_well,
    required,
    run,
    wait_until,
)

VM = required("HESPER_TEST_VM", "QEMU and a kernel, as tools/virtual-machine unpacks them")
LIBRARIES = VM / "usr/lib/x86_64-linux-gnu"
QEMU = VM / "usr/bin/qemu-system-x86_64"

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
stty -echo
while read module; do insmod /modules/$module || echo "insmod $module failed"; done </modules/order
echo "==ready"
>/environment
while read -r line; do (. /environment; eval "$line"); echo "==status $?"; done
"""


def kernel():
    found = sorted((VM / "boot").glob("vmlinuz-*")) if VM.is_dir() else []
    if not found:
        raise Missing(f"There is no kernel in {VM}; ./dev test fetches it.")
    return found[-1]


def modules(*names):
    """The kernel's modules of these names and those they need, uncompressed, in the order in which they load."""
    files = {path.name.partition(".")[0].replace("-", "_"): path for path in VM.glob("usr/lib/modules/*/**/*.ko.xz")}
    builtin = {
        pathlib.Path(line).stem.replace("-", "_")
        for listing in VM.glob("usr/lib/modules/*/modules.builtin")
        for line in listing.read_text().splitlines()
    }
    loaded = {}

    def load(name):
        name = name.replace("-", "_")
        if name in loaded or name in builtin:
            return
        if name not in files:
            raise Missing(f"The kernel module {name} is not in {VM}; tools/virtual-machine must unpack it, too.")
        content = lzma.decompress(files[name].read_bytes())
        needed = re.search(rb"\0depends=([^\0]*)\0", content)
        for other in needed[1].decode().split(",") if needed and needed[1] else []:
            load(other)
        loaded[name] = content

    for name in names:
        load(name)
    return loaded


def archive(entries):
    """A cpio archive, as the kernel unpacks it. entries: path: (mode, content); folders before what is in them."""
    result = bytearray()

    def add(number, name, mode, content):
        fields = [number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
        result.extend(b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0")
        result.extend(bytes(-len(result) % 4))
        result.extend(content)
        result.extend(bytes(-len(result) % 4))

    for number, (name, (mode, content)) in enumerate(entries.items(), 1):
        add(number, name, mode, content)
    add(0, "TRAILER!!!", 0, b"")
    return bytes(result)


FOLDER, PROGRAM, DATA = 0o040755, 0o100755, 0o100644

# In the guest: what selects a Mesa.
GUEST_ICD = {STABLE: "/usr/share/vulkan/icd.d/stable.json", BACKPORTS: "/usr/share/vulkan/icd.d/backports.json"}


def libraries(*files):
    """The shared libraries that these need, by the names under which they are looked for."""
    listed = subprocess.run(["ldd", *files], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {pathlib.Path(path) for path in re.findall(r"(/\S+) \(0x", listed)}


def vulkan():
    """Debian's Vulkan as entries of an archive: the loader, Venus of both Mesa versions, vulkaninfo and our clients."""
    clients = {path.name: path for path in (PROGRAMS / "clients").iterdir() if os.access(path, os.X_OK)}
    clients = {name: path for name, path in clients.items() if "." not in name and name != "gl"}  # gl needs OpenGL
    clients["scanout"] = PROGRAMS / "guest/scanout"
    clients["vulkaninfo"] = pathlib.Path(shutil.which("vulkaninfo"))
    loader = pathlib.Path("/usr/lib/x86_64-linux-gnu/libvulkan.so.1")
    files, drivers = {f"bin/{name}": path for name, path in clients.items()}, []
    entries = {}
    for mesa, manifest in VENUS_ICD.items():
        content = json.loads(manifest.read_text())
        driver = manifest.parent / content["ICD"]["library_path"]
        if not driver.is_absolute() or not driver.exists():
            driver = loader.parent / driver.name
        drivers.append(driver)
        content["ICD"]["library_path"] = f"/mesa-{mesa}.so"
        files[f"mesa-{mesa}.so"] = driver
        entries[GUEST_ICD[mesa][1:]] = (DATA, json.dumps(content).encode())
    for path in {loader, *libraries(loader, *drivers, *clients.values())}:
        # Debian's folders in / are links to those in /usr.
        files[f"lib64/{path.name}" if path.name.startswith("ld-linux") else f"lib/{path.name}"] = path
    folders = ("lib", "lib64", "usr", "usr/share", "usr/share/vulkan", "usr/share/vulkan/icd.d")
    entries = {name: (FOLDER, b"") for name in folders} | entries
    return entries | {name: (PROGRAM, path.read_bytes()) for name, path in files.items()}


def libdrm_tests():
    """libdrm's programs for KMS as entries of an archive."""
    programs = [VM / "usr/bin" / name for name in ("modetest", "modeprint", "proptest", "vbltest", "drmdevice")]
    files = {f"bin/{path.name}": path for path in programs}
    for path in libraries(*programs):
        files[f"lib64/{path.name}" if path.name.startswith("ld-linux") else f"lib/{path.name}"] = path
    return {"lib": (FOLDER, b""), "lib64": (FOLDER, b"")} | {
        name: (PROGRAM, path.read_bytes()) for name, path in files.items()
    }


def initramfs(more=None, drivers=("virtio_gpu",)):
    """more: further entries. drivers: kernel modules."""
    loaded = modules(*drivers)
    entries = {name: (FOLDER, b"") for name in ("bin", "dev", "proc", "sys", "modules", "tmp")}
    entries["bin/busybox"] = (PROGRAM, (VM / "usr/bin/busybox").read_bytes())
    entries["bin/kms"] = (PROGRAM, (PROGRAMS / "guest/kms").read_bytes())
    entries["init"] = (PROGRAM, INIT.encode())
    entries |= more or {}
    for name, content in loaded.items():
        entries[f"modules/{name}.ko"] = (DATA, content)
    entries["modules/order"] = (DATA, "".join(f"{name}.ko\n" for name in loaded).encode())
    return archive(entries)


class Gpu:
    """hesper gpu at a socket of its own. options: more of its command line."""

    def __init__(self, scratch, *options):
        self._scratch = scratch
        self._killed = False
        self.socket = scratch.path / "gpu"
        self._log_path = scratch.path / "gpu.log"
        self._log = open(self._log_path, "a")
        self.process = subprocess.Popen(
            [HESPER, "gpu", "--socket", self.socket, "--host-driver", NATIVE_ICD, "-v", *options],
            env=scratch.environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        # Made after the first.
        wait_until((scratch.path / "gpu.control").exists, 20, "hesper gpu does not listen on its socket.")

    def processes(self, name):
        """Ids of those that hesper gpu has started, by the name of their program."""
        path = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        children = []
        for child in path.read_text().split():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[0].endswith(f"/{name}".encode()):
                    children.append(int(child))
        return children

    def device_processes(self):
        return self.processes("hesper-gpu")

    def device_process(self):
        """The one that serves. One that was started a moment ago may not have its name yet."""
        wait_until(self.device_processes, 10, "There is no hesper-gpu.")
        (process,) = self.device_processes()
        return process

    def log(self):
        return self._log_path.read_text(errors="replace")

    def command(self, *command):
        return run([HESPER, *command[:1], "--socket", self.socket, *command[1:]], self._scratch.environment())

    def display(self, *arguments):
        """What hesper display prints."""
        finished = self.command("display", *arguments)
        assert finished.status == 0, f"hesper display failed: {finished}"
        return finished.output

    def set_display(self, display, mode):
        self.display("set", display, mode)

    def screenshot(self, display=0, cursor=False):
        """A Picture, or None if the display shows nothing."""
        path = self._scratch.path / f"screen-{display}.png"
        options = ["--display", display, "-o", path, *(["--cursor"] if cursor else [])]
        finished = self.command("screenshot", *options)
        if finished.status != 0:
            assert "shows nothing" in finished.errors, f"hesper screenshot failed: {finished}"
            return None
        return Picture(path)

    def kill(self):
        self._killed = True
        self.process.kill()
        self.process.wait()

    def close(self):
        if self._killed:
            return self._log.close()
        end_well(self.process, self._log)
        assert not self.socket.exists(), "hesper gpu left its socket behind."


class Picture:
    """A PNG file's pixels."""

    def __init__(self, path):
        content = subprocess.run(["pngtopnm", path], stdout=subprocess.PIPE, check=True).stdout
        header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", content)
        self.width, self.height = int(header[1]), int(header[2])
        self.bytes = content[header.end() :]

    def pixel(self, x, y):
        at = (y * self.width + x) * 3
        return tuple(self.bytes[at : at + 3])

    def cell(self, column, row, height=16, left=0, top=0):
        """A character cell of a console, 8 pixels wide: a number for each line, a bit is a pixel that is not black."""
        cell = []
        for y in range(top + row * height, top + (row + 1) * height):
            at = (y * self.width + left + column * 8) * 3
            line = self.bytes[at : at + 24]
            shown = (0x80 >> x for x in range(8) if line[x * 3 : x * 3 + 3] != b"\0\0\0")
            cell.append(sum(shown) if any(line) else 0)  # most of a console is black
        return cell

    def differs_from_text(self, lines, columns, height=16, left=0, top=0):
        """Where this picture of a console does not show these lines, or None. Knows no font: every character must look
        the same wherever it is, and like no other one; spaces, and what follows a line, are black."""
        glyphs, characters = {" ": (0,) * height}, {(0,) * height: " "}
        for row, line in enumerate(lines):
            for column, character in enumerate(line.ljust(columns)):
                shown = tuple(self.cell(column, row, height, left, top))
                if glyphs.setdefault(character, shown) != shown:
                    return f"The '{character}' in column {column} of '{line}' (row {row}) looks otherwise than before."
                if characters.setdefault(shown, character) != character:
                    return f"The '{character}' in column {column} of '{line}' (row {row}) looks like '{characters[shown]}'."
        return None


class Machine:
    """A guest on a Gpu."""

    memory = "256M"
    qemu, board = QEMU, "q35"
    device = "vhost-user-test-device-pci,chardev=gpu,virtio-id=16,num_vqs=2,vq_size=256,config_size=24"
    drivers = ("virtio_gpu",)

    @staticmethod
    def more_entries():
        """What is in its initramfs beside busybox, modules and kms."""
        return {}

    def __init__(self, scratch, gpu, arguments=(), **variables):
        """arguments, variables: more of QEMU's command line and environment."""
        self._qmp_path = scratch.path / "qmp"
        self._errors_path = scratch.path / "qemu.log"
        self._errors = open(self._errors_path, "a")
        connection = ["-chardev", f"socket,id=gpu,path={gpu.socket}"] if gpu else []
        command = [
            self.qemu, "-L", VM / "usr/share/qemu", "-L", VM / "usr/share/seabios",
            "-machine", f"{self.board},memory-backend=mem", "-accel", "tcg", "-nodefaults", "-vga", "none", "-display", "none",
            "-object", f"memory-backend-memfd,id=mem,size={self.memory},share=on", "-m", self.memory,
            *connection, "-device", self.device,
            "-qmp", f"unix:{self._qmp_path},server=on,wait=off", "-serial", "stdio",
            *self._boot_arguments(scratch), *arguments,
        ]  # fmt: skip
        self._output = ""
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            command,
            env=scratch.environment(LD_LIBRARY_PATH=str(LIBRARIES), QEMU_MODULE_DIR=str(LIBRARIES / "qemu"), **variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _boot_arguments(self, scratch):
        image = scratch.path / f"initramfs-{type(self).__name__}"
        if not image.exists():
            image.write_bytes(initramfs(self.more_entries(), self.drivers))
        return ["-kernel", kernel(), "-initrd", image, "-append", "console=tty0 quiet panic=-1 vt.global_cursor_default=0"]

    def _read(self):
        while part := os.read(self.process.stdout.fileno(), 65536):
            with self._changed:
                self._output += part.decode(errors="replace").replace("\r", "")
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, pattern, timeout, what):
        """Waits for a pattern in what the guest says, and takes all of it up to its end."""
        end = time.monotonic() + timeout
        with self._changed:
            while not (found := re.search(pattern, self._output)):
                ended = self.process.poll() is not None
                if ended or not self._changed.wait(max(0, end - time.monotonic())):
                    raise AssertionError(
                        f"{what} (QEMU {'has ended' if ended else 'runs'}, {timeout} s)\n{self._output[-3000:]}\n"
                        f"{self._errors_path.read_text(errors='replace')[-3000:]}"
                    )
            before, self._output = self._output[: found.start()], self._output[found.end() :]
        return before, found

    def boot(self, timeout=120):
        return self.wait_for(r"==ready\n", timeout, "The guest does not get as far as its shell.")[0]

    def run(self, line, timeout=60):
        """Runs a line of shell in the guest; what it prints. It must succeed."""
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()
        output, found = self.wait_for(r"==status (\d+)\n", timeout, f"The guest does not finish '{line}'.")
        assert found[1] == "0", f"In the guest, '{line}' failed with {found[1]}:\n{output}"
        return output

    def qmp(self, command, arguments=None):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(20)
            connection.connect(str(self._qmp_path))
            lines = connection.makefile("rw")
            lines.readline()
            for each, more in (("qmp_capabilities", None), (command, arguments)):
                lines.write(json.dumps({"execute": each} | ({"arguments": more} if more else {})) + "\n")
                lines.flush()
                while not (answer := json.loads(lines.readline())).keys() & {"return", "error"}:
                    pass
        assert "error" not in answer, answer
        return answer["return"]

    def screendump(self):
        """The path of a PNG file of what QEMU's own screen shows, if it has one."""
        path = self._qmp_path.with_name("screendump.png")
        self.qmp("screendump", {"filename": str(path), "format": "png"})
        return path

    def close(self):
        if self.process.poll() is None:
            with contextlib.suppress(OSError, ValueError, AssertionError):
                self.qmp("quit")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=10)
        end_group(self.process)
        self._reader.join(timeout=10)
        self.process.stdin.close()
        self.process.stdout.close()
        self._errors.close()


class VulkanMachine(Machine):
    """One with Debian's Vulkan and our clients in it; GUEST_ICD selects the Mesa."""

    memory = "768M"
    more_entries = staticmethod(vulkan)

    def use(self, mesa):
        """The Mesa of all that runs from now on."""
        self.run(f"echo export VK_DRIVER_FILES={GUEST_ICD[mesa]} >/environment")


class KmsMachine(Machine):
    """One with libdrm's KMS tests in it."""

    more_entries = staticmethod(libdrm_tests)


class QemuGpuMachine(KmsMachine):
    """The same with QEMU's own virtio-gpu, to compare with. Takes no Gpu."""

    device = "virtio-gpu-pci,xres=1024,yres=768"


class VhostUserGpuMachine(Machine):
    """One that has hesper gpu behind QEMU's own front-end, so that QEMU has a screen."""

    device = "vhost-user-gpu-pci,chardev=gpu"


INPUT_KINDS = ("keyboard", "tablet", "mouse", "touch")


def input_arguments(gpu, kinds=INPUT_KINDS):
    """QEMU's, for the input devices of a Gpu."""
    arguments = []
    for kind in kinds:
        arguments += ["-chardev", f"socket,id={kind},path={gpu.socket}.{kind}"]
        arguments += ["-device", f"vhost-user-input-pci,id={kind},chardev={kind}"]
    return arguments


class InputMachine(Machine):
    """One with the input devices of a Gpu, and a program that prints their events."""

    drivers = ("virtio_gpu", "virtio_input", "evdev")

    @staticmethod
    def more_entries():
        return {"bin/events": (PROGRAM, (PROGRAMS / "guest/events").read_bytes())}

    def __init__(self, scratch, gpu):
        super().__init__(scratch, gpu, input_arguments(gpu))
