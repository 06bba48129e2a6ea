# What a person sees of the page in a browser, and does to it. And a client of the web server that is no browser, for what
# browsers do not do.
import base64
import contextlib
import http.client
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import time

import numpy
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.interaction import POINTER_MOUSE, POINTER_TOUCH
from selenium.webdriver.common.actions.mouse_button import MouseButton
from selenium.webdriver.common.actions.pointer_input import PointerInput

from chromium import Chromium
from support import wait_until


class Browser:
    """A window with the page. program: Chromium or Firefox, which says what more there is to give."""

    def __init__(self, scratch, url, program=Chromium, size=(1400, 900), ratio=1, **more):
        self.program = program(scratch, size, ratio, **more)
        self.driver = self.program.driver
        self.driver.set_script_timeout(60)
        self.driver.get(url)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def state(self):
        return self.run("return hesper.state")

    def summary(self):
        return self.run("return hesper.summary()")

    def wait_for(self, condition, timeout=20, what="The page does not come to the state that is expected"):
        """condition: JavaScript over `state`."""
        try:
            wait_until(lambda: self.run(f"const state = self.hesper?.state; return Boolean(state && ({condition}))"), timeout, what)
        except AssertionError as error:
            raise AssertionError(f"{error} ({condition}): {self.state()}, {self.log()}") from None

    def wait_for_pictures(self, more=3):
        count = self.state()["frames"]
        self.wait_for(f"state.frames >= {count + more}", what="No pictures come")

    def picture(self):
        """What the screen shows, as (width, height, RGB bytes)."""
        png = self.driver.execute_async_script("""
            const done = arguments[arguments.length - 1];
            hesper.screenshot().then((blob) => {
                const reader = new FileReader();
                reader.onload = () => done(reader.result.split(",")[1]);
                reader.readAsDataURL(blob);
            });""")
        return read_png(base64.b64decode(png))

    def text(self, element):
        return self.run("const e = document.getElementById(arguments[0]); return e.checkVisibility() ? e.innerText : ''", element)

    def click(self, element):
        self.run("document.getElementById(arguments[0]).click()", element)

    def keys(self, *strokes):
        """Presses and releases keys, those of a tuple together."""
        chain = ActionChains(self.driver, duration=0)
        for stroke in strokes:
            together = (stroke,) if isinstance(stroke, str) else stroke
            for key in together:
                chain.key_down(key)
            for key in reversed(together):
                chain.key_up(key)
        chain.perform()

    def press(self, key):
        ActionChains(self.driver, duration=0).key_down(key).perform()

    def release(self, key):
        ActionChains(self.driver, duration=0).key_up(key).perform()

    def point(self, x, y):
        """Moves the mouse to there; pixels of the window."""
        self._point(lambda mouse: None, x, y)

    def press_button(self, x, y, button=MouseButton.LEFT):
        self._point(lambda mouse: mouse.pointer_down(button), x, y)

    def release_button(self, x, y, button=MouseButton.LEFT):
        self._point(lambda mouse: mouse.pointer_up(button), x, y)

    def _point(self, act, x, y):
        builder = ActionBuilder(self.driver, mouse=PointerInput(POINTER_MOUSE, "mouse"), duration=0)
        builder.pointer_action.move_to_location(x, y)
        act(builder.pointer_action)
        builder.perform()

    def turn_wheel(self, x, y, right, down):
        """Over there; all in pixels."""
        builder = ActionBuilder(self.driver, duration=0)
        builder.wheel_action.scroll(x, y, right, down, duration=0)
        builder.perform()

    def place_of(self, element):
        """The middle of it, for those who cannot see where it is."""
        left, top, width, height = self.run(
            "const b = document.getElementById(arguments[0]).getBoundingClientRect();"
            "return [b.left, b.top, b.width, b.height]", element,
        )  # fmt: skip
        return int(left + width / 2), int(top + height / 2)

    def touch(self, *fingers):
        """Puts fingers on these places at once, and takes them away."""
        builder = ActionBuilder(self.driver, duration=0)
        for number, (x, y) in enumerate(fingers):
            finger = builder.add_pointer_input(POINTER_TOUCH, f"finger{number}")
            finger.create_pointer_move(0, x, y, origin="viewport")
            finger.create_pointer_down(button=MouseButton.LEFT)
            finger.create_pointer_up(MouseButton.LEFT)
        builder.perform()

    def log(self):
        return self.program.log()

    def close(self):
        self.program.close()


def read_png(data):
    """(width, height, RGB bytes as an array) of a PNG without transparency."""
    finished = subprocess.run(["pngtopnm"], input=data, stdout=subprocess.PIPE, check=True)
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", finished.stdout)
    width, height = int(header[1]), int(header[2])
    pixels = numpy.frombuffer(finished.stdout, numpy.uint8, offset=header.end())
    return width, height, pixels.reshape(height, width, 3)


class Address:
    """The parts of a URL that hesper printed."""

    def __init__(self, url):
        self.url = url
        self.scheme, self.host, self.port, self.token = re.fullmatch(r"(https?)://([^:/]+):(\d+)/\?token=(\w+)", url).groups()
        self.port = int(self.port)
        self.origin = f"{self.scheme}://{self.host}:{self.port}"

    def connect(self):
        plain = socket.create_connection((self.host, self.port), timeout=20)
        if self.scheme == "http":
            return plain
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(plain)

    def get(self, path, method="GET", **headers):
        """(status, headers, body). Names of headers with _ for -."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        connection.sock = self.connect()
        with contextlib.closing(connection):
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def session(self, token):
        return json.loads(self.get("/session", Authorization=f"Bearer {token}")[2])


class WebSocket:
    """A viewer that is no browser. status: of the answer to its request; 101 if it was let in."""

    def __init__(self, address, token=None, origin=None, host=None, protocols=None, path="/stream"):
        self.socket = address.connect()
        if protocols is None:
            protocols = "hesper.v1" + (f", hesper.token.{token}" if token else "")
        lines = [
            f"GET {path} HTTP/1.1", f"Host: {host or f'{address.host}:{address.port}'}", "Upgrade: websocket",
            "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}", f"Sec-WebSocket-Protocol: {protocols}",
        ]  # fmt: skip
        if origin:
            lines.append(f"Origin: {origin}")
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self._unread = b""
        while b"\r\n\r\n" not in self._unread:
            part = self.socket.recv(65536)
            if not part:
                break
            self._unread += part
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        self.status = int(head.split()[1]) if head else 0

    def send(self, message, opcode=2, final=True):
        size = len(message)
        head = bytes([(0x80 if final else 0) | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 65536:
            head += bytes([0x80 | 126]) + struct.pack(">H", size)
        else:
            head += bytes([0x80 | 127]) + struct.pack(">Q", size)
        self.socket.sendall(head + b"\0\0\0\0" + message)  # masked with zeros

    def hello(self, display=0, picture=0, codecs=2, fps=0):
        self.send(struct.pack("<BBHBBBB", 0x81, display, 1, picture, codecs, fps, 0))

    def acknowledge(self, frame):
        self.send(struct.pack("<BBHIQQ", 0x82, 0, 0, frame, 0, 0))

    def receive(self, timeout=20):
        """(opcode, message); (None, b"") when the server has closed the connection."""
        self.socket.settimeout(timeout)
        head = self._take(2)
        if head is None:
            return None, b""
        size = head[1] & 127
        if size == 126:
            size = struct.unpack(">H", self._take(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self._take(8))[0]
        return head[0] & 15, self._take(size)

    def receive_type(self, kind, timeout=20):
        """The next message of a kind; None if the connection ends before."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            opcode, message = self.receive(timeout)
            if opcode is None or opcode == 8:
                return None
            if opcode == 9:
                self.send(message, opcode=10)
            elif message[0] == kind:
                return message
        raise AssertionError(f"No message of type {kind} came.")

    def is_closed(self, timeout=20):
        """Waits until the server has closed it."""
        with contextlib.suppress(ConnectionError):
            end = time.monotonic() + timeout
            while time.monotonic() < end:
                opcode, _ = self.receive(timeout)
                if opcode in (None, 8):
                    return True
            return False
        return True

    def _take(self, size):
        while len(self._unread) < size:
            part = self.socket.recv(1 << 20)
            if not part:
                return None
            self._unread += part
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    def close(self):
        self.socket.close()
