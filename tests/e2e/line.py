# A line between a viewer and a server that is slower, longer or worse than loopback: a relay on loopback that holds back
# bytes. It loses none, as TCP does not; what a real line loses comes later there, too.
import collections
import contextlib
import socket
import threading
import time

CHUNK = 2048  # bytes; what the line takes at once
QUEUE = 48 * 1024  # bytes that wait before the narrow place, as in a router
BUFFER = 16 * 1024  # of its sockets, so that little waits elsewhere


class Line:
    """Relays connections to 127.0.0.1:port. rate: bits a second, each way; delay: seconds, each way. Both may be changed
    at any time; while `stalled` nothing goes through."""

    def __init__(self, port, rate, delay):
        self.rate, self.delay, self.stalled = rate, delay, False
        self._to = port
        self._ended = False
        self._sockets = []
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)

    @staticmethod
    def _start(run, *arguments):
        threading.Thread(target=run, args=arguments, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket()
                far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
                far.connect(("127.0.0.1", self._to))
                for one in (near, far):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
                self._sockets += [near, far]
                for source, target in ((near, far), (far, near)):
                    waiting, news = collections.deque(), threading.Condition()
                    self._start(self._take, source, waiting, news)
                    self._start(self._give, target, waiting, news)

    def _take(self, source, waiting, news):
        """Bytes through the narrow place: (when they arrive, bytes) into `waiting`. b"" is the end."""
        free = 0.0  # when the narrow place has nothing to do
        data = None
        while data != b"":
            try:
                data = source.recv(CHUNK)
            except OSError:
                data = b""
            while self.stalled and not self._ended:
                time.sleep(0.01)
            now = time.monotonic()
            free = max(free, now) + 8 * len(data) / self.rate
            with news:
                waiting.append((free + self.delay, data))
                news.notify()
            time.sleep(max(0, free - now - 8 * QUEUE / self.rate))

    def _give(self, target, waiting, news):
        data = None
        while data != b"":
            with news:
                while not waiting:
                    news.wait()
                arrives, data = waiting.popleft()
            time.sleep(max(0, arrives - time.monotonic()))
            while self.stalled and not self._ended:
                time.sleep(0.01)
            with contextlib.suppress(OSError):
                if data:
                    target.sendall(data)
                else:
                    target.shutdown(socket.SHUT_WR)

    def close(self):
        self._ended = True
        for one in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
