# Debian's Firefox, which has no driver there as Chromium has: it is spoken to itself, by Marionette, in the place of
# selenium's remote end. So what selenium offers is the same for both browsers. Knows no page.
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.firefox.options import Options
from selenium.webdriver.remote.command import Command

from support import end_group, wait_until

PREFERENCES = {
    "marionette.port": 0,  # a free one
    "devtools.console.stdout.content": True,
    # Nothing that it does by itself.
    "app.update.disabledForTesting": True, "browser.shell.checkDefaultBrowser": False, "browser.startup.page": 0,
    "browser.tabs.warnOnClose": False, "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False, "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
}  # fmt: skip

# Spec: WebDriver's commands as Firefox's remote/marionette/driver.sys.mjs names them.
NAMES = {
    Command.NEW_SESSION: "WebDriver:NewSession", Command.QUIT: "Marionette:Quit", Command.GET: "WebDriver:Navigate",
    Command.REFRESH: "WebDriver:Refresh", Command.SCREENSHOT: "WebDriver:TakeScreenshot",
    Command.SET_TIMEOUTS: "WebDriver:SetTimeouts", Command.SET_WINDOW_RECT: "WebDriver:SetWindowRect",
    Command.GET_WINDOW_RECT: "WebDriver:GetWindowRect", Command.W3C_ACTIONS: "WebDriver:PerformActions",
    Command.W3C_CLEAR_ACTIONS: "WebDriver:ReleaseActions", Command.W3C_EXECUTE_SCRIPT: "WebDriver:ExecuteScript",
    Command.W3C_EXECUTE_SCRIPT_ASYNC: "WebDriver:ExecuteAsyncScript",
}  # fmt: skip


class Marionette:
    """What selenium takes for the connection to a driver. Spec: Firefox Source Docs, "Marionette", "Protocol": numbered
    messages as JSON with their length before them."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._stream = self._socket.makefile("rb")
        self._number = 0
        self._receive()  # what it says of itself

    def _receive(self):
        length = b""
        while not length.endswith(b":"):
            byte = self._stream.read(1)
            if not byte:
                raise WebDriverException("Firefox has closed the connection.")
            length += byte
        return json.loads(self._stream.read(int(length[:-1])))

    def execute(self, command, parameters):
        self._number += 1
        parameters = {name: value for name, value in parameters.items() if name != "sessionId"}
        message = json.dumps([0, self._number, NAMES[command], parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(message), message))
        _, number, error, result = self._receive()
        assert number == self._number
        if error:
            raise WebDriverException(f"{error['error']}: {error['message']}")
        # Answers that are one value have that name in Firefox; of others the value is all.
        return {"value": result["value"] if set(result) == {"value"} else result}

    def close(self):
        self._stream.close()
        self._socket.close()


class Firefox:
    """A process with one window, and its `driver`. size: of the window, pixels of pages. ratio: device pixels for one of
    them. screen: an X server's; without, it has no window that anybody sees. preferences: more of about:config."""

    def __init__(self, scratch, size, ratio, screen=None, preferences=None):
        self._profile = tempfile.TemporaryDirectory(prefix="firefox-", dir=scratch.path)
        with open(f"{self._profile.name}/user.js", "w") as file:
            own = {"layout.css.devPixelsPerPx": str(ratio)}
            for name, value in (PREFERENCES | own | (preferences or {})).items():
                file.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
        self._log_path = f"{self._profile.name}/log"
        self._log = open(self._log_path, "w")
        self._process = subprocess.Popen(
            ["firefox-esr", *([] if screen else ["--headless"]), "--marionette", "--no-remote", "--profile",
             self._profile.name],
            env=scratch.environment(HOME=self._profile.name, **({"DISPLAY": screen.display} if screen else {})),
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True,
        )  # fmt: skip
        try:
            port = pathlib.Path(self._profile.name) / "MarionetteActivePort"
            wait_until(lambda: port.exists() and port.read_text(), 60, "Firefox does not listen.")
            self._marionette = Marionette(int(port.read_text()))
            options = Options()
            options.accept_insecure_certs = True
            self.driver = webdriver.Remote(command_executor=self._marionette, options=options)
            self.driver.set_window_size(*size)
        except BaseException:
            self.close()
            raise

    def log(self):
        """What pages wrote to their console."""
        with open(self._log_path, errors="replace") as file:
            return [line for line in file.read().splitlines() if line.startswith("console.")]

    def close(self):
        with contextlib.suppress(AttributeError):
            self._marionette.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)
        end_group(self._process)
        self._log.close()
        self._profile.cleanup()
