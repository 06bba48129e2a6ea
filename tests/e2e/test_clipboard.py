# The guest's clipboard and those of viewers: Debian's spice-vdagent in a guest that is only an X server (clipboard.py), with
# Chromium, VNC viewers and a window at hesper view. And agents that lie.
import contextlib
import socket
import struct

import rfb
from browser import Address, Browser, WebSocket
from chromium import Chromium
from clipboard import CLIPBOARD, COPIED, HERE, WANTED, Clip, Guest, Port, WaylandClip, agent_message, agent_text
from desktop import Desktop, Sway
from firefox import Firefox
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from support import TestCase, tools_present, wait_until
from synthetic import Synthetic, View
from test_vnc import TigerVnc
from test_window import WindowView

TEXT = "Grüße aus dem Gast: 你好 🌍\nzweite Zeile\t€\n"
BACK = "Zurück: ß 日本 🎉\nLine two\n"
EV_KEY, KEY_LEFTCTRL, KEY_V = 1, 29, 47


def setUpModule():
    tools_present("spice-vdagentd", "spice-vdagent", "xclip", "Xvfb", "chromium", "chromedriver", "firefox-esr", "xtigervncviewer",
                  "xdotool", "wl-copy", *Sway.TOOLS)  # fmt: skip


class Base(TestCase):
    def setUp(self):
        super().setUp()
        self.port = self.start(Port, self.scratch)
        self.source = self.start(Synthetic, self.scratch, "--content", "still", "--mode", "640x480")

    def show(self, *options, view=View, before=()):
        self.view = self.start(
            view, self.scratch, *before, self.source.socket, "-v", "--agent", self.port.host, *options
        )

    def start_guest(self):
        self.guest = self.start(Guest, self.scratch, self.port).clip
        self.view.says("The guest has a clipboard agent.")

    def assert_nothing_in_the_log(self, *texts):
        for text in texts:
            self.assertNotIn(text, self.view.log())


class InBrowser(Base):
    def open(self, token, program=Chromium):
        browser = self.start(Browser, self.scratch, f"{self.address.origin}/?token={token}", program)
        browser.wait_for("state.state === 'connected' && state.frames > 0", what="No picture comes")
        return browser

    def test_text_goes_both_ways(self):
        self.show("--web", "--clipboard-limit", "1000")
        self.address = Address(self.view.says(r"web: (https?://\S+)").group(1))
        browser = self.open(self.address.token)
        watcher = self.start(WebSocket, self.address, self.address.session(self.address.token)["view_token"])
        watcher.hello()
        # As somebody does who is asked.
        browser.driver.execute_cdp_cmd("Browser.grantPermissions", {
            "origin": self.address.origin, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"],
        })  # fmt: skip
        self.assertEqual(browser.text("clipboard-button"), "")  # there is no agent yet
        self.start_guest()
        browser.wait_for("state.clipboard.toGuest && state.clipboard.fromGuest")
        self.assertEqual(browser.text("clipboard-button"), "Clipboard")

        with self.subTest("what the guest copies is on this computer's clipboard"):
            # A window without the focus may not write; it does when it gets it.
            self.guest.copy(TEXT)
            browser.wait_for("state.clipboard.text !== '' && state.clipboard.waiting")
            browser.driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
            browser.run("dispatchEvent(new Event('focus'))")
            browser.wait_for("!state.clipboard.waiting")
            self.assertEqual(self.read(browser), TEXT)

        with self.subTest("what is pasted with the keyboard is the guest's before the keys come"):
            browser.driver.execute_async_script(
                "navigator.clipboard.writeText(arguments[0]).then(arguments[1])", BACK
            )
            browser.run("document.getElementById('screen').focus()")
            ActionChains(browser.driver).key_down(Keys.CONTROL).send_keys("v").key_up(Keys.CONTROL).perform()
            self.guest.wait_for(BACK)
            wait_until(lambda: ("keyboard", EV_KEY, KEY_LEFTCTRL, 0) in self.source.events(), 20, "The keys do not come.")
            self.assertEqual(self.source.events("keyboard"), [
                ("keyboard", EV_KEY, KEY_LEFTCTRL, 1), ("keyboard", EV_KEY, KEY_V, 1), ("keyboard", EV_KEY, KEY_V, 0),
                ("keyboard", EV_KEY, KEY_LEFTCTRL, 0),
            ])  # fmt: skip

        with self.subTest("by hand, in the dialog"):
            browser.click("clipboard-button")
            browser.run("document.getElementById('clipboard-text').value = 'by hand'")
            browser.click("clipboard-send")
            self.guest.wait_for("by hand")

        with self.subTest("longer ones stay where they are"):
            browser.click("clipboard-button")
            browser.run("document.getElementById('clipboard-text').value = 'x'.repeat(1001)")
            browser.click("clipboard-send")
            browser.wait_for("state.notices.some((notice) => notice.text.includes('too long'))")
            self.guest.copy("y" * 1001)
            self.guest.copy("short")
            browser.wait_for("state.clipboard.text === 'short'")
            self.guest.wait_for("short")

        with self.subTest("one who may only look takes no part"):
            watcher.send(bytes([0x86, 0, 0, 0, 1, 0, 0, 0]) + bytes(8))
            kinds = set()
            while 9 not in kinds:
                opcode, message = watcher.receive()
                if opcode == 2:
                    kinds.add(message[0])
            self.assertFalse(kinds & {12, 13}, kinds)
            watcher.send(bytes([0x91, 0, 0, 0]) + b"not allowed")
            self.assertTrue(watcher.is_closed())
            self.assertEqual(self.guest.paste(), "short")

        with self.subTest("a viewer that comes keeps its own"):
            viewer = self.start(WebSocket, self.address, self.address.token)
            viewer.hello()
            self.assertEqual(viewer.receive_type(13), struct.pack("<BBHI", 13, 3, 0, 1000))
            viewer.send(bytes([0x91, 0, 0, 0]) + "from no browser é".encode())
            self.guest.wait_for("from no browser é")
            viewer.send(bytes([0x91, 0, 0, 0]) + b"x" * 1001)
            self.assertTrue(viewer.is_closed())
        self.assert_nothing_in_the_log("zweite", "Zurück", "by hand", "short", "from no browser")

    def test_firefox(self):
        self.show("--web")
        self.address = Address(self.view.says(r"web: (https?://\S+)").group(1))
        browser = self.open(self.address.token, Firefox)
        self.start_guest()
        browser.wait_for("state.clipboard.toGuest && state.clipboard.fromGuest")
        own = "document.getElementById('text')"
        with self.subTest("what the guest copies is on this computer's clipboard with the next key"):
            self.guest.copy(TEXT)
            browser.wait_for("state.clipboard.text !== '' && state.clipboard.waiting")
            browser.keys("a")
            browser.wait_for("!state.clipboard.waiting")
            browser.click("text-button")
            browser.run(f"{own}.focus()")
            browser.keys((Keys.CONTROL, "v"))
            self.assertEqual(browser.run(f"return {own}.value"), TEXT)
        with self.subTest("what is pasted with the keyboard is the guest's before the keys come"):
            browser.run(f"{own}.value = arguments[0]; {own}.select()", BACK)
            browser.keys((Keys.CONTROL, "c"))
            browser.run("document.getElementById('text-dialog').close(); document.getElementById('screen').focus()")
            browser.keys((Keys.CONTROL, "v"))
            self.guest.wait_for(BACK)
            wait_until(lambda: ("keyboard", EV_KEY, KEY_LEFTCTRL, 0) in self.source.events(), 20, "The keys do not come.")

    @staticmethod
    def read(browser):
        return browser.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")


class InVnc(Base):
    def serve(self, *options):
        self.show("--vnc", "127.0.0.1:0", *options)
        self.address = self.view.says(r"vnc: (\S+)").group(1).rstrip(",")
        self.start_guest()

    def test_text_goes_both_ways(self):
        self.serve()
        with self.subTest("Latin-1"):
            viewer = self.start(rfb.Viewer, self.address)
            wait_until(lambda: "is let in" in self.view.log(), 20, "The viewer is not let in.")
            self.guest.copy("Grüße 你\n")
            self.assertEqual(viewer.cut_text(), "Grüße ?\n".encode("latin-1"))
            viewer.cut("zurück\n".encode("latin-1"))
            self.guest.wait_for("zurück\n")
            viewer.close()
        with self.subTest("Extended Clipboard"):
            viewer = self.start(rfb.Viewer, self.address, encodings=(rfb.RAW, rfb.EXTENDED_CLIPBOARD))
            flags, _ = viewer.extended()
            self.assertEqual(flags, rfb.CAPABILITIES | rfb.REQUEST | rfb.PEEK | rfb.NOTIFY | rfb.PROVIDE | rfb.TEXT)
            self.guest.copy(TEXT)
            self.assertEqual(viewer.extended(), (rfb.NOTIFY | rfb.TEXT, b""))
            viewer.say_extended(rfb.REQUEST | rfb.TEXT)
            flags, data = viewer.extended()
            self.assertEqual((flags, rfb.unpack_text(data)), (rfb.PROVIDE | rfb.TEXT, TEXT.replace("\n", "\r\n")))
            viewer.say_extended(rfb.NOTIFY | rfb.TEXT)
            self.assertEqual(viewer.extended(), (rfb.REQUEST | rfb.TEXT, b""))
            viewer.say_extended(rfb.PROVIDE | rfb.TEXT, rfb.pack_text(BACK.replace("\n", "\r\n")))
            self.guest.wait_for(BACK)
            viewer.say_extended(rfb.PROVIDE | rfb.TEXT, b"no zlib")  # a lie that is overheard
            viewer.say_extended(rfb.PROVIDE | rfb.TEXT, rfb.pack_text("z" * (1 << 24)))  # one that grows
            viewer.cut(b"still here")
            self.guest.wait_for("still here")
        self.assert_nothing_in_the_log("Grü", "zurück", "still here")

    def test_tigervnc(self):
        self.serve()
        desktop = self.start(Desktop, self.scratch)
        clip = self.start(Clip, desktop.environment())
        self.start(TigerVnc, self.scratch, desktop, self.address)
        window = desktop.wait_for_windows("Hesper")[0]
        desktop.focus(window)
        self.guest.copy(TEXT)
        clip.wait_for(TEXT)
        clip.copy(BACK)
        self.guest.wait_for(BACK)

    def test_view_only(self):
        self.serve("--vnc-view-only")
        viewer = self.start(rfb.Viewer, self.address, encodings=(rfb.RAW, rfb.EXTENDED_CLIPBOARD))
        self.guest.copy("secret")
        viewer.cut(b"not allowed")
        viewer.ask(incremental=False)
        viewer.update()  # and nothing before it
        self.assertEqual(self.guest.paste(), "secret")


class InWindow(Base):
    Desktop, Clip = Desktop, Clip

    def press(self, desktop):
        """Does what the window system wants before a clipboard is set."""

    def test_text_goes_both_ways(self):
        desktop = self.start(self.Desktop, self.scratch)
        clip = self.start(self.Clip, desktop.environment())
        clip.copy("from before")
        self.show("--window", "--window-renderer", "software", view=WindowView, before=(desktop,))
        window = desktop.wait_for_windows("Hesper")[0]
        self.start_guest()
        with self.subTest("what was copied before is the guest's when somebody comes with it"):
            desktop.focus(window)
            self.guest.wait_for("from before")
        with self.subTest("from the guest"):
            self.guest.copy(TEXT)
            self.press(desktop)
            clip.wait_for(TEXT)
        with self.subTest("and back"):
            clip.copy(BACK)
            self.guest.wait_for(BACK)
        with self.subTest("and again"):
            self.guest.copy("again")
            self.press(desktop)
            clip.wait_for("again")
        self.assert_nothing_in_the_log("before", "zweite", "Zurück", "again")


class InWaylandWindow(InWindow):
    Desktop, Clip = Sway, WaylandClip

    def press(self, desktop):
        desktop.key("a")


class Agents(Base):
    """One that lies, and a hesper-view that is killed: text goes both ways again afterwards."""

    def test_nonsense(self):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind(str(self.scratch.path / "lies"))
        listener.listen()
        listener.settimeout(20)
        self.port.host = self.scratch.path / "lies"
        self.show("--web")
        address = Address(self.view.says(r"web: (https?://\S+)").group(1))
        viewer = self.start(WebSocket, address, address.token)
        viewer.hello()
        self.assertEqual(viewer.receive_type(13)[1], 0)

        with self.subTest("garbage"):
            agent, _ = listener.accept()
            agent.sendall(b"GET / HTTP/1.1\r\n\r\n" * 100)
            agent.settimeout(20)
            with contextlib.suppress(ConnectionError):
                while agent.recv(65536):
                    pass
            agent.close()
            self.view.says("makes no sense")
        with self.subTest("a text of 4 GB, and a flood of requests that is not read"):
            agent, _ = listener.accept()
            agent.settimeout(20)
            agent.sendall(HERE)
            self.assertEqual(viewer.receive_type(13)[1], 3)
            agent.sendall(COPIED)
            agent.sendall(agent_message(CLIPBOARD, struct.pack("<II", 0, 1), size=0xFFFFFF00))
            for _ in range(64):
                agent.sendall(bytes(1 << 20))
            agent.close()
            self.assertEqual(viewer.receive_type(13)[1], 0)
            agent, _ = listener.accept()
            agent.settimeout(20)
            agent.sendall(HERE)
            self.assertEqual(viewer.receive_type(13)[1], 3)
            viewer.send(bytes([0x91, 0, 0, 0]) + b"x" * (1 << 20))
            flood = WANTED * 1000
            with contextlib.suppress(ConnectionError, TimeoutError):
                agent.settimeout(2)
                for _ in range(100):
                    agent.sendall(flood)
            self.assertLess(self.view.memory(), 500 << 20)
            agent.close()
        with self.subTest("one that tells the truth"):
            self.assertEqual(viewer.receive_type(13)[1], 0)
            agent, _ = listener.accept()
            agent.settimeout(20)
            agent.sendall(HERE)
            self.assertEqual(viewer.receive_type(13)[1], 3)
            agent.sendall(COPIED + agent_text("wahr ✓"))
            self.assertEqual(viewer.receive_type(12)[4:].decode(), "wahr ✓")
            agent.close()
        self.assert_nothing_in_the_log("wahr", "xxxx")
        self.assertEqual(self.view.log().count("makes no sense"), 1)

    def test_a_killed_viewer(self):
        options = ("-v", "--agent", self.port.host, "--vnc", "127.0.0.1:0")
        self.view = View(self.scratch, self.source.socket, *options)
        try:
            self.start_guest()
        finally:
            self.view.kill()
        self.view = self.start(View, self.scratch, self.source.socket, *options)
        address = self.view.says(r"vnc: (\S+)").group(1)
        self.view.says("The guest has a clipboard agent.")
        viewer = self.start(rfb.Viewer, address)
        viewer.cut(b"text")
        self.guest.wait_for("text")
