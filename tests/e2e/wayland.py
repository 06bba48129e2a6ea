# A keyboard and a mouse for a Wayland compositor: a client that has a virtual one of each. Knows no windows. Spec:
# wayland.xml, virtual-keyboard-unstable-v1.xml, wlr-virtual-pointer-unstable-v1.xml.
import os
import socket
import struct
import time

KEYS = {
    "ctrl": 29, "shift": 42, "alt": 56, "caps_lock": 58, "num_lock": 69, "F5": 63,
    **dict(zip("qwertyuiop", range(16, 26))), **dict(zip("asdfghjkl", range(30, 39))), **dict(zip("zxcvbnm", range(44, 51))),
}  # fmt: skip
# Of the keymap below: what is so as long as the key is down, and what each press changes.
MODIFIERS = {"shift": 1, "ctrl": 4, "alt": 8}
LOCKS = {"caps_lock": 2, "num_lock": 16}
BUTTONS = {1: 0x110, 2: 0x112, 3: 0x111}  # X's numbers
KEYMAP = b"""xkb_keymap {
  xkb_keycodes { include "evdev+aliases(qwerty)" };
  xkb_types { include "complete" };
  xkb_compat { include "complete" };
  xkb_symbols { include "pc+us+inet(evdev)" };
};\0"""
DISPLAY, REGISTRY = 1, 2
WHEEL_STEP = 15  # as libinput's mice have


class Hands:
    """At a compositor's socket. The keyboard is there at once; the mouse, of which compositors may draw a pointer, when it
    is first used."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(20)
        self._socket.connect(str(path))
        self._last_id = REGISTRY
        self._globals = {}
        self._done = 0
        self._request(DISPLAY, 1, REGISTRY)
        self._roundtrip()
        self._seat = self._bind("wl_seat")
        self._keyboard = self._make(self._bind("zwp_virtual_keyboard_manager_v1"))
        self._pointer = None
        self._held, self._locked = 0, 0
        keymap = os.memfd_create("keymap")
        os.write(keymap, KEYMAP)
        self._request(self._keyboard, 0, 1, len(KEYMAP), fd=keymap)
        os.close(keymap)
        self._roundtrip()

    def _request(self, target, opcode, *arguments, fd=None):
        body = b""
        for each in arguments:
            if isinstance(each, str):
                text = each.encode() + b"\0"
                body += struct.pack("<I", len(text)) + text + bytes(-len(text) % 4)
            else:
                body += struct.pack("<I", each & 0xFFFFFFFF)
        message = struct.pack("<II", target, len(body) + 8 << 16 | opcode) + body
        socket.send_fds(self._socket, [message], [] if fd is None else [fd])

    def _new_id(self):
        self._last_id += 1
        return self._last_id

    def _make(self, manager):
        made = self._new_id()
        self._request(manager, 0, self._seat, made)
        return made

    def _bind(self, interface):
        assert interface in self._globals, f"The compositor has no {interface}."
        made = self._new_id()
        self._request(REGISTRY, 0, self._globals[interface], interface, 1, made)
        return made

    def _take(self, size):
        data = b""
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            assert part, "The compositor has hung up."
            data += part
        return data

    def _roundtrip(self):
        """Until the compositor has done what was asked."""
        callback = self._new_id()
        self._request(DISPLAY, 0, callback)
        while True:
            sender, word = struct.unpack("<II", self._take(8))
            body = self._take((word >> 16) - 8)
            assert (sender, word & 0xFFFF) != (DISPLAY, 0), f"The compositor reports an error: {body}"
            if sender == callback:
                return
            if (sender, word & 0xFFFF) == (REGISTRY, 0):
                name, size = struct.unpack_from("<II", body)
                self._globals[body[8 : 7 + size].decode()] = name

    @staticmethod
    def _now():
        return int(time.monotonic() * 1000)

    def key(self, name, down):
        self._request(self._keyboard, 1, self._now(), KEYS[name], down)
        bit = MODIFIERS.get(name, 0)
        self._held = self._held | bit if down else self._held & ~bit
        if down:
            self._locked ^= LOCKS.get(name, 0)
        self._request(self._keyboard, 2, self._held, 0, self._locked, 0)
        self._roundtrip()

    def chord(self, chord):
        names = chord.split("+")
        for name in names:
            self.key(name, True)
        for name in reversed(names):
            self.key(name, False)

    def _mouse(self, opcode, *arguments):
        if self._pointer is None:
            self._pointer = self._make(self._bind("zwlr_virtual_pointer_manager_v1"))
        self._request(self._pointer, opcode, *arguments)

    def _point(self, opcode, *arguments):
        self._mouse(opcode, *arguments)
        self._mouse(4)
        self._roundtrip()

    def move_to(self, x, y, width, height):
        """To a place of a desktop of this size."""
        self._point(1, self._now(), x, y, width, height)

    def move_by(self, x, y):
        self._point(0, self._now(), x * 256, y * 256)

    def click(self, button):
        for down in (1, 0):
            self._point(2, self._now(), BUTTONS[button], down)

    def scroll(self, notches):
        """Up is positive."""
        for _ in range(abs(notches)):
            step = -1 if notches > 0 else 1
            self._mouse(5, 0)
            self._point(7, self._now(), 0, WHEEL_STEP * step * 256, step)

    def close(self):
        self._socket.close()
