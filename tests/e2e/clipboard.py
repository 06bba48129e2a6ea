# A guest's clipboard without a guest: Debian's spice-vdagentd and spice-vdagent in an X server of their own, and between
# them and hesper view what QEMU's virtserialport is in a virtual machine.
import contextlib
import selectors
import socket
import struct
import subprocess
import threading

from support import Screen, end_group, wait_until


CLIPBOARD, CAPABILITIES, GRAB, REQUEST = 4, 6, 7, 8


def agent_message(kind, data, size=None):
    """As spice-vdagentd sends it. size: what it says of the data's. Spec: spice-protocol, vd_agent.h."""
    size = len(data) if size is None else size
    return struct.pack("<IIIIQI", 1, 20 + size, 1, kind, 0, size) + data


# An agent that has been started; that a program has copied text; that one wants to paste it.
HERE = agent_message(CAPABILITIES, struct.pack("<II", 1, 1 << 5 | 1 << 6))
COPIED = agent_message(GRAB, struct.pack("<II", 0, 1))
WANTED = agent_message(REQUEST, struct.pack("<II", 0, 1))


def agent_text(text):
    return agent_message(CLIPBOARD, struct.pack("<II", 0, 1) + text.encode())


class Port:
    """Two listening sockets: `host`, as QEMU's chardev, and `guest`, as its device file is for spice-vdagentd. Each has one
    client at a time. What the guest writes while nobody is there is lost; what the host writes waits."""

    def __init__(self, scratch):
        self.host, self.guest = scratch.path / "agent", scratch.path / "port"
        self._selector = selectors.DefaultSelector()
        self._listeners = {}
        self._clients = {}
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        for path in (self.host, self.guest):
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(path))
            listener.listen()
            self._listeners[path] = listener
            self._selector.register(listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _leave(self, path):
        client = self._clients.pop(path)
        with contextlib.suppress(KeyError):
            self._selector.unregister(client)
        client.close()
        self._selector.register(self._listeners[path], selectors.EVENT_READ)
        if path == self.guest and self.host in self._clients:
            self._selector.unregister(self._clients[self.host])

    def _come(self, path):
        self._selector.unregister(self._listeners[path])
        self._clients[path], _ = self._listeners[path].accept()
        if path == self.guest or self.guest in self._clients:
            self._selector.register(self._clients[path], selectors.EVENT_READ)
        if path == self.guest and self.host in self._clients:
            self._selector.register(self._clients[self.host], selectors.EVENT_READ)

    def _run(self):
        while True:
            ready = [key.fileobj for key, _ in self._selector.select()]
            if self._woken in ready:
                return
            for path, listener in self._listeners.items():
                if listener in ready:
                    self._come(path)
            for path, other in ((self.host, self.guest), (self.guest, self.host)):
                client = self._clients.get(path)
                if client not in ready:
                    continue
                try:
                    data = client.recv(65536)
                except ConnectionError:
                    data = b""
                if not data:
                    self._leave(path)
                elif other in self._clients:
                    with contextlib.suppress(ConnectionError):
                        self._clients[other].sendall(data)

    def close(self):
        self._wake.close()
        self._thread.join()
        for each in (*self._clients.values(), *self._listeners.values(), self._woken):
            each.close()
        self._selector.close()


class Clip:
    """The clipboard of an X server, as its programs have it."""

    TO = ["xclip", "-quiet", "-selection", "clipboard", "-in", "-target", "UTF8_STRING"]
    FROM = ["xclip", "-selection", "clipboard", "-out", "-target", "UTF8_STRING"]

    def __init__(self, environment):
        self._environment = environment | {"LC_ALL": "C.UTF-8"}
        self._owner = None

    def copy(self, text):
        self.release()
        self._owner = subprocess.Popen(
            self.TO, env=self._environment,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        self._owner.stdin.write(text.encode())
        self._owner.stdin.close()

    def paste(self):
        """What a program gets; None if there is nothing."""
        finished = subprocess.run(
            self.FROM, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20
        )
        return finished.stdout.decode(errors="replace") if finished.returncode == 0 else None

    def wait_for(self, text, timeout=20):
        last = None

        def same():
            nonlocal last
            last = self.paste()
            return last == text

        wait_until(same, timeout, f"The clipboard does not become what was copied, {text[:80]!r}.")

    def release(self):
        if self._owner:
            end_group(self._owner)
            self._owner = None

    def close(self):
        self.release()


class WaylandClip(Clip):
    """The clipboard of a Wayland compositor."""

    TO = ["wl-copy", "--foreground", "--type", "text/plain;charset=utf-8"]
    FROM = ["wl-paste", "--no-newline", "--type", "text/plain;charset=utf-8"]


class Guest:
    """The agents and a screen; port: a Port's."""

    def __init__(self, scratch, port):
        self.screen = Screen(scratch)
        self.clip = Clip(scratch.environment(DISPLAY=self.screen.display))
        between = scratch.path / "vdagent"
        self._log_path = scratch.path / "vdagent.log"
        self._log = open(self._log_path, "a")
        start = lambda *command: subprocess.Popen(
            command, env=scratch.environment(DISPLAY=self.screen.display, HOME=str(scratch.path)), stdin=subprocess.DEVNULL, stdout=self._log,
            stderr=self._log, start_new_session=True,
        )  # fmt: skip
        self._processes = [
            start("/usr/sbin/spice-vdagentd", "-x", "-X", "-d", "-f", "-u", "/dev/null", "-s", port.guest, "-S", between)
        ]
        wait_until(between.exists, 20, "spice-vdagentd does not listen.")
        self._processes.append(start("/usr/bin/spice-vdagent", "-x", "-d", "-s", port.guest, "-S", between))

    def log(self):
        return self._log_path.read_text(errors="replace")

    def close(self):
        self.clip.close()
        for process in reversed(self._processes):
            end_group(process)
        self.screen.close()
        self._log.close()
