// Clipboard: the guest's and this computer's, text only. What the guest copies goes to this computer's clipboard as soon as
// the browser allows it; what somebody pastes with the keyboard goes to the guest's before the keys do.
//
// Browsers let a page read the clipboard in a paste event, or with a permission; and write to it with a permission (which
// Chromium gives to the tab that has the focus) or while somebody presses something.
import { clipboard } from "./protocol.js";

const SETTLING = 120; // milliseconds that an agent gets to make a text the guest's before the keys that paste it follow

export class Clipboard {
  #send;
  #on;
  #ways = { toGuest: false, fromGuest: false, mostBytes: 0 };
  #shared = null; // the text that both have, as far as this page knows
  #unwritten = null; // of the guest, for which the browser waits for somebody to press something

  // send(message). on: changed(): another state; refused(text): what somebody should know.
  constructor(send, on) {
    this.#send = send;
    this.#on = on;
    for (const type of ["keydown", "pointerdown"]) addEventListener(type, () => this.#tryAgain(), { capture: true });
    addEventListener("focus", () => {
      this.#tryAgain();
      this.#look();
    });
  }

  get ways() { return this.#ways; }
  set ways(ways) {
    this.#ways = ways;
    this.#on.changed();
    this.#look();
  }
  // Of the guest, and not on this computer's clipboard yet.
  get waiting() { return this.#unwritten !== null; }
  // The newest that either has.
  get text() { return this.#shared ?? ""; }

  // The guest has copied this.
  async fromGuest(text) {
    this.#shared = text;
    await this.#write(text);
  }

  // Somebody has pasted this. Resolves when what pastes it in the guest may follow; false: the guest does not get it.
  async toGuest(text) {
    const plain = text.replaceAll("\r\n", "\n");
    if (!this.#ways.toGuest || plain === "" || plain === this.#shared) return plain === this.#shared;
    const bytes = new TextEncoder().encode(plain);
    if (bytes.length > this.#ways.mostBytes) {
      this.#on.refused(`The text is too long for the guest's clipboard: ${bytes.length} bytes of at most ${this.#ways.mostBytes}.`);
      return false;
    }
    this.#shared = plain;
    this.#unwritten = null;
    this.#send(clipboard(bytes));
    this.#on.changed();
    await new Promise((resolve) => setTimeout(resolve, SETTLING));
    return true;
  }

  // Puts a text on this computer's clipboard, because somebody has just asked for it. Throws if it cannot.
  async copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    throw new Error("the browser has a clipboard only for https and for this machine (127.0.0.1)");
  }

  // What is on this computer's clipboard, because somebody has just asked for it. Throws if it cannot.
  async read() {
    if (navigator.clipboard?.readText) return navigator.clipboard.readText();
    throw new Error("the browser lets a page read the clipboard only when something is pasted");
  }

  async #write(text) {
    this.#unwritten = text;
    try {
      await this.copy(text);
      if (this.#unwritten === text) this.#unwritten = null;
    } catch {
      // Not allowed now.
    }
    this.#on.changed();
  }

  #tryAgain() {
    if (this.#unwritten !== null && navigator.clipboard) this.#write(this.#unwritten);
  }

  // With the permission to read, which #read() has asked for, what was copied elsewhere is the guest's at once.
  async #look() {
    if (!this.#ways.toGuest || !document.hasFocus() || this.#unwritten !== null) return;
    try {
      const permission = await navigator.permissions.query({ name: "clipboard-read" });
      if (permission.state === "granted") await this.toGuest(await this.read());
    } catch {
      // This browser has no such permission.
    }
  }
}
