# X11, as little of it as a test needs to look at a screen. Spec: X Window System Protocol, version 11.
import pathlib
import socket
import struct


class Connection:
    def __init__(self, display):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(20)
        self._socket.connect(str(pathlib.Path("/tmp/.X11-unix") / f"X{display}"))
        self._socket.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
        accepted, words = struct.unpack("<BxxxxxH", self._read(8))
        setup = self._read(words * 4)
        if accepted != 1:
            raise AssertionError(f"The X server refuses us: {setup}")
        self._next_id = struct.unpack_from("<I", setup, 4)[0]
        vendor_size, formats = struct.unpack_from("<H", setup, 16)[0], setup[21]
        screen = 32 + (vendor_size + 3) // 4 * 4 + 8 * formats
        self._root = struct.unpack_from("<I", setup, screen)[0]
        self._size = struct.unpack_from("<HH", setup, screen + 20)

    def _read(self, count):
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise AssertionError("The X server closed the connection.")
            data += part
        return data

    def _request(self, opcode, detail, body):
        self._socket.sendall(struct.pack("<BBH", opcode, detail, 1 + len(body) // 4) + body)

    def _reply(self):
        head = self._read(32)
        if head[0] != 1:
            raise AssertionError(f"The X server answered with packet type {head[0]}, code {head[1]}.")
        return head, self._read(struct.unpack_from("<I", head, 4)[0] * 4)

    def keep_pictures(self):
        """Lays a window without background under all others. What a window that ends uncovers is then painted by nobody,
        so its last picture stays on the screen."""
        width, height = self._size
        copy_from_parent, input_output, override_redirect = 0, 1, 1 << 9
        window = self._next_id
        body = struct.pack("<IIhhHHHH", window, self._root, 0, 0, width, height, 0, input_output)
        body += struct.pack("<III", copy_from_parent, override_redirect, 1)
        self._request(1, copy_from_parent, body)  # CreateWindow
        self._request(8, 0, struct.pack("<I", window))  # MapWindow
        self.screen_pixels()  # waits until it is there

    def screen_pixels(self):
        """4 bytes a pixel, in the server's order."""
        z_pixmap = 2
        self._request(73, z_pixmap, struct.pack("<IhhHHI", self._root, 0, 0, *self._size, 0xFFFFFFFF))  # GetImage
        return self._reply()[1]

    def close(self):
        self._socket.close()
