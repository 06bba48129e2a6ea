# A tap between a program and its X server: sees each picture that the program shows, in order. Changes nothing.
# Spec: X Window System Protocol, version 11; Big Requests Extension.
import hashlib
import socket
import struct
import threading

PUT_IMAGE = 72


class Tap:
    """Listens at `path`, which the program gets as its DISPLAY, and forwards to the server's socket. The server must be
    without MIT-SHM, so that pixels travel in the stream."""

    def __init__(self, path, server):
        self.display = str(path)
        self._server = server
        self._lock = threading.Lock()
        self._pictures = []
        self._sockets = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.display)
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def pictures(self):
        """A digest of each picture so far. A picture may come in several parts; it ends where the next one starts."""
        with self._lock:
            return [digest.hexdigest() for digest in self._pictures]

    def close(self):
        self._listener.close()
        for each in self._sockets:
            each.close()

    def _accept(self):
        while True:
            try:
                program, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            server.connect(self._server)
            self._sockets += [program, server]
            threading.Thread(target=self._copy_replies, args=(server, program), daemon=True).start()
            threading.Thread(target=self._copy_requests, args=(program, server), daemon=True).start()

    @staticmethod
    def _copy_replies(server, program):
        try:
            while data := server.recv(65536):
                program.sendall(data)
            program.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the program has gone

    def _copy_requests(self, program, server):
        def take(count):
            data = program.recv(count, socket.MSG_WAITALL)
            if len(data) < count:
                raise EOFError
            server.sendall(data)
            return data

        try:
            protocol_name, protocol_data = struct.unpack("<6xHH2x", take(12))
            for size in (protocol_name, protocol_data):
                if size:
                    take((size + 3) // 4 * 4)
            while True:
                opcode, words = struct.unpack("<BxH", take(4))
                rest = words * 4 - 4
                if words == 0:  # a big request: the length follows, and counts itself
                    rest = struct.unpack("<I", take(4))[0] * 4 - 8
                body = take(rest) if rest else b""
                if opcode == PUT_IMAGE:
                    self._add(body)
        except (EOFError, OSError):
            pass  # the program has gone
        server.close()

    def _add(self, body):
        top = struct.unpack_from("<h", body, 14)[0]
        with self._lock:
            if top == 0:
                self._pictures.append(hashlib.sha256())
            self._pictures[-1].update(body[20:])
