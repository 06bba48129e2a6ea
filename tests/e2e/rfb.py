# A small VNC viewer: raw pixels and what tests need to misbehave. Spec: RFC 6143.
import socket
import struct
import zlib

RAW, CURSOR, DESKTOP_SIZE, EXTENDED_DESKTOP_SIZE, LED_STATE, SCAN_CODES = 0, -239, -223, -308, -261, -258
EXTENDED_CLIPBOARD = -1063131698
TEXT, CAPABILITIES, REQUEST, PEEK, NOTIFY, PROVIDE = 1, 1 << 24, 1 << 25, 1 << 26, 1 << 27, 1 << 28


class Viewer:
    """Connects to ADDRESS:PORT. encodings: those that it says it knows."""

    def __init__(self, address, encodings=(RAW, DESKTOP_SIZE), timeout=20):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=timeout)
        try:
            self._enter(encodings)
        except (EOFError, OSError):
            self.socket.close()
            raise

    def _enter(self, encodings):
        self.version = self.take(12)
        self.socket.sendall(self.version)
        types = self.take(self.take(1)[0])
        assert 1 in types, f"A password is wanted: {types}"
        self.socket.sendall(b"\1")
        assert self.take(4) == bytes(4)
        self.socket.sendall(b"\1")
        self.width, self.height = struct.unpack(">HH", self.take(4))
        self.take(16)
        self.name = self.take(*struct.unpack(">I", self.take(4))).decode()
        self.socket.sendall(struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings))
        self.picture = bytearray(self.width * self.height * 4)

    def take(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError("The server has hung up.")
            data += part
        return bytes(data)

    def ask(self, incremental=True):
        self.socket.sendall(struct.pack(">BBHHHH", 3, incremental, 0, 0, self.width, self.height))

    def update(self):
        """Takes one, and returns the encodings of its rectangles. The picture is b8g8r8x8."""
        kind, count = struct.unpack(">BxH", self.take(4))
        assert kind == 0
        encodings = []
        for _ in range(count):
            x, y, width, height, encoding = struct.unpack(">HHHHi", self.take(12))
            encodings.append(encoding)
            if encoding == RAW:
                pixels = self.take(width * height * 4)
                for row in range(height):
                    at = ((y + row) * self.width + x) * 4
                    self.picture[at : at + width * 4] = pixels[row * width * 4 : (row + 1) * width * 4]
            elif encoding in (DESKTOP_SIZE, EXTENDED_DESKTOP_SIZE):
                if encoding == EXTENDED_DESKTOP_SIZE:
                    self.take(4 + 16)
                if (width, height) != (self.width, self.height):
                    self.width, self.height = width, height
                    self.picture = bytearray(width * height * 4)
            elif encoding == LED_STATE:
                self.leds = self.take(1)[0]
        return encodings

    def cut_text(self):
        """The next message, which must be text that the guest has copied."""
        kind, size = struct.unpack(">Bxxxi", self.take(8))
        assert (kind, size >= 0) == (3, True), (kind, size)
        return self.take(size)

    def cut(self, text):
        self.socket.sendall(struct.pack(">Bxxxi", 6, len(text)) + text)

    def extended(self):
        """Likewise, of the Extended Clipboard: (flags, data)."""
        kind, size, flags = struct.unpack(">BxxxiI", self.take(12))
        assert (kind, size < 0) == (3, True), (kind, size)
        return flags, self.take(-size - 4)

    def say_extended(self, flags, data=b""):
        self.socket.sendall(struct.pack(">BxxxiI", 6, -4 - len(data), flags) + data)

    def rgb(self):
        """The picture as bytes of red, green and blue."""
        result = bytearray(self.width * self.height * 3)
        result[0::3], result[1::3], result[2::3] = self.picture[2::4], self.picture[1::4], self.picture[0::4]
        return bytes(result)

    def close(self):
        self.socket.close()


def pack_text(text):
    data = text.encode() + b"\0"
    return zlib.compress(struct.pack(">I", len(data)) + data)


def unpack_text(data):
    data = zlib.decompressobj().decompress(data)
    size = struct.unpack_from(">I", data)[0]
    assert len(data) == 4 + size and data.endswith(b"\0")
    return data[4:-1].decode()
