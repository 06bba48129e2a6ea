# A screen of the host's with windows on it: their pictures, and hands for them. What programs do not need a window
# manager for: there is none, if none is asked for.
import struct
import subprocess

from support import Screen, end_group, run, wait_until


def background(width, height):
    """What the synthetic source's `still` shows, as bytes of red, green and blue."""
    return b"".join(bytes((x & 255, y & 255, 0x40)) for y in range(height) for x in range(width))


class Desktop(Screen):
    def __init__(self, scratch, size="1000x800", manager=False):
        self._scratch = scratch
        super().__init__(scratch, "-screen", "0", f"{size}x24")
        self._manager = None
        if manager:
            self._manager = subprocess.Popen(
                ["openbox"], env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def close(self):
        if self._manager:
            end_group(self._manager)
        super().close()

    def environment(self, **more):
        return self._scratch.environment(DISPLAY=self.display, **more)

    def do(self, *words):
        """xdotool, which must succeed."""
        finished = run(["xdotool", *words], self.environment(), 20)
        assert finished.status == 0, f"xdotool fails: {finished}"
        return finished.output

    def windows(self, name):
        """Ids of the visible windows whose title has this."""
        return run(["xdotool", "search", "--onlyvisible", "--name", name], self.environment(), 20).output.split()

    def wait_for_windows(self, name, count=1):
        wait_until(lambda: len(self.windows(name)) == count, 20, f"There are not {count} windows '{name}'.")
        return self.windows(name)

    def geometry(self, window):
        lines = self.do("getwindowgeometry", "--shell", window).split()
        fields = dict(line.split("=") for line in lines)
        return tuple(int(fields[name]) for name in ("X", "Y", "WIDTH", "HEIGHT"))

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
