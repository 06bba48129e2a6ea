# Debian's Chromium, steered by its chromedriver. Knows no page.
import contextlib
import os
import pathlib
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service


class Chromium:
    """A process with one window, and its `driver`. size: of the window, pixels of pages. ratio: device pixels for one of
    them. screen: an X server's; without, it has no window that anybody sees. phone: as on one, with a page of that size, and
    fingers instead of a mouse. arguments: more of its command line."""

    def __init__(self, scratch, size, ratio, screen=None, phone=False, arguments=()):
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", dir=scratch.path)
        options = Options()
        for argument in (
            "--ozone-platform=x11" if screen else "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
            f"--window-size={size[0]},{size[1]}", f"--force-device-scale-factor={ratio}",
            f"--user-data-dir={self._profile.name}", *arguments,
        ):  # fmt: skip
            options.add_argument(argument)
        options.add_experimental_option("excludeSwitches", ["enable-automation"])  # a bar that says so
        if phone:
            metrics = {"width": size[0], "height": size[1], "pixelRatio": ratio, "mobile": True, "touch": True}
            options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.set_capability("acceptInsecureCerts", True)
        environment = scratch.environment(**({"DISPLAY": screen.display} if screen else {}))
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver", env=environment))

    def log(self):
        """What pages wrote to their console."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def processes(self):
        """Those that run pages' scripts."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                command = pathlib.Path(f"/proc/{name}/cmdline").read_text()
                if self._profile.name in command and "--type=renderer" in command:
                    found.append(int(name))
        return found

    def close(self):
        self.driver.quit()
        self._profile.cleanup()
