# A screen of the host's with windows on it, their pictures, and hands for them: under X (Xvfb, xdotool), with a window
# manager if one is wanted, and under Wayland (sway without a screen, grim, wayland.py).
import json
import struct
import subprocess

from support import Screen, end_group, run, wait_until
from wayland import Hands


def background(width, height):
    """What the synthetic source's `still` shows, as bytes of red, green and blue."""
    return b"".join(bytes((x & 255, y & 255, 0x40)) for y in range(height) for x in range(width))


class Windows:
    """What both kinds of desktop have. A window is what windows() calls it; places are pixels, from the top left."""

    def wait_for_windows(self, name, count=1):
        wait_until(lambda: len(self.windows(name)) == count, 20, f"There are not {count} windows '{name}'.")
        return self.windows(name)


class Desktop(Windows, Screen):
    TOOLS = ("Xvfb", "xdotool", "xwd")

    def __init__(self, scratch, size="1000x800"):
        self._scratch = scratch
        super().__init__(scratch, "-screen", "0", f"{size}x24")

    def environment(self, **more):
        return self._scratch.environment(DISPLAY=self.display, **more)

    def do(self, *words):
        """xdotool, which must succeed."""
        finished = run(["xdotool", *words], self.environment(), 20)
        assert finished.status == 0, f"xdotool fails: {finished}"
        return finished.output

    def windows(self, name):
        """The visible windows whose title has this."""
        return run(["xdotool", "search", "--onlyvisible", "--name", name], self.environment(), 20).output.split()

    def geometry(self, window):
        """x, y, width, height."""
        lines = self.do("getwindowgeometry", "--shell", window).split()
        fields = dict(line.split("=") for line in lines)
        return tuple(int(fields[name]) for name in ("X", "Y", "WIDTH", "HEIGHT"))

    def focus(self, window):
        self.do("windowfocus", "--sync", window)

    def place(self, window, x, y, width, height):
        self.do("windowmove", window, x, y, "windowsize", window, width, height, "windowraise", window)

    def key(self, *chords):
        self.do("key", *(chord.replace("caps_lock", "Caps_Lock") for chord in chords))

    def hold(self, key):
        self.do("keydown", key)

    def point(self, window, x, y):
        left, top, *_ = self.geometry(window)
        self.do("mousemove", left + x, top + y)

    def move_by(self, x, y):
        self.do("mousemove_relative", x, y)

    def click(self, button):
        self.do("click", button)

    def scroll(self, notches):
        """Up is positive."""
        self.do("click", "--repeat", abs(notches), 4 if notches > 0 else 5)

    def picture(self, window="root"):
        """(width, height, bytes of red, green and blue)."""
        which = ["-root"] if window == "root" else ["-id", str(window)]
        taken = subprocess.run(["xwd", "-silent", *which], env=self.environment(), stdout=subprocess.PIPE, check=True)
        # Spec: XWDFile.h, version 7. The visual may have a colour map, which says nothing about what was drawn.
        words = struct.unpack_from(">25I", taken.stdout)
        size, width, height, little, bits, stride, colours = (words[i] for i in (0, 4, 5, 7, 11, 12, 19))
        if bits != 32 or little != 0 or words[14:17] != (0xFF0000, 0xFF00, 0xFF):
            return 0, 0, b""  # as of a window that comes or goes at this moment
        result = bytearray(3 * width * height)
        for y in range(height):
            row = memoryview(taken.stdout)[size + 12 * colours + stride * y :][: 4 * width]
            for channel in range(3):
                result[3 * width * y + channel : 3 * width * (y + 1) : 3] = row[2 - channel :: 4]
        return width, height, bytes(result)


class ManagedDesktop(Desktop):
    """With openbox, in which Alt+F4 closes the window and Alt+F9 minimises it."""

    TOOLS = (*Desktop.TOOLS, "openbox", "xprop")
    CONFIGURATION = """<?xml version="1.0"?><openbox_config xmlns="http://openbox.org/3.4/rc"><keyboard>
        <keybind key="A-F4"><action name="Close"/></keybind><keybind key="A-F9"><action name="Iconify"/></keybind>
        </keyboard><theme><animateIconify>no</animateIconify></theme></openbox_config>"""

    def __init__(self, scratch, size="1000x800"):
        super().__init__(scratch, size)
        configuration = scratch.path / "openbox.xml"
        configuration.write_text(self.CONFIGURATION)
        ready = scratch.path / "openbox-is-ready"
        self._manager = subprocess.Popen(
            ["openbox", "--config-file", configuration, "--startup", f"touch {ready}"],
            env=self.environment(HOME=str(scratch.path)),
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True,
        )  # fmt: skip
        # Windows that come earlier are never shown.
        wait_until(ready.exists, 20, "openbox does not start.")

    def focus(self, window):
        self.do("windowactivate", "--sync", window)

    def hide(self, window):
        self.focus(window)
        self.key("alt+F9")
        wait_until(lambda: "Iconic" in run(["xprop", "-id", window, "WM_STATE"], self.environment()).output, 20,
                   "The window is not minimised.")  # fmt: skip

    def show(self, window):
        self.focus(window)

    def close_window(self, window):
        self.focus(window)
        self.key("alt+F4")

    def close(self):
        end_group(self._manager)
        super().close()


class Sway(Windows):
    """sway with one output, or more, that nobody sees. Windows float, without decorations, in the middle at first.
    scale: of the first output. Places are points then, sizes of pictures pixels."""

    TOOLS = ("sway", "swaymsg", "grim")
    CONFIGURATION = """default_border none
        default_floating_border none
        for_window [title=".*"] floating enable
        focus_follows_mouse no
        xwayland disable
        output HEADLESS-1 mode {size} position 0 0 scale {scale} background #000000 solid_color
    """

    def __init__(self, scratch, size="1000x800", scale=1):
        self._scratch = scratch
        self._size = tuple(round(int(each) / scale) for each in size.split("x"))
        configuration = scratch.path / "sway.conf"
        configuration.write_text(self.CONFIGURATION.format(size=size, scale=scale))
        self._log = open(scratch.path / "sway.log", "w+")
        self._runtime = scratch.path / "runtime"
        self._process = subprocess.Popen(
            ["sway", "-c", configuration],
            env=scratch.environment(WLR_BACKENDS="headless", WLR_LIBINPUT_NO_DEVICES="1", WLR_RENDERER="pixman"),
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True,
        )  # fmt: skip
        try:
            wait_until(lambda: self._process.poll() is not None or self._sockets(), 20, "sway does not listen.")
            assert self._process.poll() is None, "sway does not start: " + (scratch.path / "sway.log").read_text()
            wait_until(lambda: run(["swaymsg", "-t", "get_version"], self.environment()).status == 0, 20,
                       "sway does not answer.")  # fmt: skip
            self.hands = Hands(self._sockets()[0])
        except BaseException:
            end_group(self._process)
            self._log.close()
            raise

    def _sockets(self):
        return [path for path in self._runtime.glob("wayland-*") if path.suffix != ".lock"]

    def environment(self, **more):
        return self._scratch.environment(
            WAYLAND_DISPLAY=self._sockets()[0].name,
            SWAYSOCK=str(next(self._runtime.glob("sway-ipc.*"), "")), **more,
        )  # fmt: skip

    def do(self, *words):
        """swaymsg, which must succeed."""
        finished = run(["swaymsg", *words], self.environment(), 20)
        assert finished.status == 0, f"swaymsg fails: {finished}"
        return finished.output

    def _nodes(self):
        found = [json.loads(self.do("-t", "get_tree", "-r"))]
        for node in found:
            found += node["nodes"] + node["floating_nodes"]
        return [node for node in found if node.get("pid")]

    def windows(self, name):
        return [node["id"] for node in self._nodes() if name in (node["name"] or "")]

    def geometry(self, window):
        """x, y, width, height; None of one that is not there."""
        rects = [node["rect"] for node in self._nodes() if node["id"] == window]
        return tuple(rects[0][name] for name in ("x", "y", "width", "height")) if rects else None

    def focus(self, window):
        self.do(f"[con_id={window}] focus")

    def hide(self, window):
        """By another workspace."""
        self.do("workspace 2")

    def show(self, window):
        self.focus(window)

    def close_window(self, window):
        self.do(f"[con_id={window}] kill")

    def place(self, window, x, y, width, height):
        self.do(f"[con_id={window}] resize set {width} px {height} px, move absolute position {x} px {y} px, focus")

    def key(self, *chords):
        for chord in chords:
            self.hands.chord(chord)

    def hold(self, key):
        self.hands.key(key, True)

    def point(self, window, x, y):
        left, top, *_ = self.geometry(window)
        # A place is a pixel's middle, of an extent in halves of pixels.
        width, height = self._size
        self.hands.move_to(2 * (left + x) + 1, 2 * (top + y) + 1, 2 * width, 2 * height)

    def move_by(self, x, y):
        self.hands.move_by(x, y)

    def click(self, button):
        self.hands.click(button)

    def scroll(self, notches):
        self.hands.scroll(notches)

    def picture(self, window="root"):
        """(width, height, bytes of red, green and blue)."""
        where = (0, 0, *self._size) if window == "root" else self.geometry(window)
        if not where:
            return 0, 0, b""
        x, y, width, height = where
        taken = subprocess.run(["grim", "-t", "ppm", "-g", f"{x},{y} {width}x{height}", "-"], env=self.environment(),
                               stdout=subprocess.PIPE, timeout=20).stdout  # fmt: skip
        if not taken:
            return 0, 0, b""  # as of a window that is nowhere to be seen at this moment
        width, height = (int(each) for each in taken.split(maxsplit=3)[1:3])  # spec: ppm(5)
        return width, height, taken[-3 * width * height :]

    def close(self):
        self.hands.close()
        end_group(self._process)
        self._log.close()
