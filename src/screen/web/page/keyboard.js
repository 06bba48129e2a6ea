// Keyboard: keys that are pressed on the screen, as physical keys, and text that is typed for somebody. What is down when
// the screen loses the keyboard is let go.
import { codeOf, Key, keyOfCharacter } from "./keys.js";
import { InputWriter } from "./protocol.js";

const PAUSE = 12; // milliseconds between typed characters: a guest's console drops what comes faster
const PASTE_LIMIT = 30; // milliseconds after a key in which the browser's paste event follows it
// Members of events that say whether a modifier is down, and the keys that are that modifier.
const MODIFIERS = [
  ["ctrlKey", [Key.ControlLeft, Key.ControlRight]], ["shiftKey", [Key.ShiftLeft, Key.ShiftRight]],
  ["altKey", [Key.AltLeft]], ["metaKey", [Key.MetaLeft, Key.MetaRight]],
];
const MAC = /Mac|iPhone|iPad/.test(navigator.platform);

export class Keyboard {
  #element;
  #send;
  #on;
  #down = new Set(); // codes
  #writer = new InputWriter();
  #leds = null; // of the guest; null: not known
  #fresh = true; // no key since the screen got the keyboard
  #chord = false; // Ctrl+Alt+Shift is down, and nothing else was
  #typing = Promise.resolve();
  #held = null; // messages that wait for what was pasted to be in the guest; null: none has to
  #paste = null; // tells the paste event's text to who waits for it

  // element: gets keys while it has the focus. send(message). on: leave(): somebody wants to get away from the screen;
  // pasted(text): the keys that paste it are pressed when what this returns has resolved; wantsPaste(): whether to wait.
  constructor(element, send, on) {
    this.#element = element;
    this.#send = send;
    this.#on = on;
    element.addEventListener("keydown", (event) => this.#pressed(event));
    element.addEventListener("keyup", (event) => this.#released(event));
    element.addEventListener("pointerdown", (event) => this.#notice(event));
    element.addEventListener("blur", () => this.releaseAll());
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.releaseAll(); });
    addEventListener("pagehide", () => this.releaseAll());
    document.addEventListener("paste", (event) => {
      if (!this.#paste) return;
      event.preventDefault();
      this.#paste(event.clipboardData?.getData("text/plain") ?? "");
    });
  }

  enabled = true;

  set leds(leds) { this.#leds = leds; }

  releaseAll() {
    for (const code of this.#down) this.#writer.key(code, 0);
    this.#down.clear();
    this.#chord = false;
    this.#fresh = true;
    this.#flush();
  }

  // Presses and releases, as if by hand: [code, ...].
  tap(codes) {
    for (const code of codes) this.#writer.key(code, 1);
    this.#flush();
    for (const code of [...codes].reverse()) this.#writer.key(code, 0);
    this.#flush();
  }

  // As on a US keyboard. Resolves with the characters that no key types.
  type(text) {
    const done = this.#typing.then(() => this.#type(text));
    this.#typing = done.catch(() => {});
    return done;
  }

  async #type(text) {
    const missing = new Set();
    for (const character of text.replaceAll("\r\n", "\n")) {
      const key = keyOfCharacter(character);
      if (!key) {
        missing.add(character);
        continue;
      }
      this.tap(key.shift ? [Key.ShiftLeft, key.code] : [key.code]);
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    return [...missing];
  }

  #pressed(event) {
    if (!this.enabled) return;
    const code = codeOf(event.code);
    if (code === undefined) return;
    event.stopPropagation();
    if (!event.repeat && pastes(event) && this.#on.wantsPaste()) {
      this.#holdForPaste(); // and let the browser paste, which tells us the text
    } else {
      event.preventDefault();
    }
    if (event.repeat) return; // the guest repeats
    this.#synchronize(event, code);
    this.#notice(event, code);
    this.#put(code, true);
    const chord = event.ctrlKey && event.altKey && event.shiftKey;
    this.#chord = chord && this.#down.size === 3;
  }

  #released(event) {
    if (!this.enabled) return;
    const code = codeOf(event.code);
    if (code === undefined) return;
    event.preventDefault();
    this.#put(code, false);
    // On a Mac the keys that are let go while Command is held are not told.
    if (MAC && (code === Key.MetaLeft || code === Key.MetaRight)) this.releaseAll();
    if (this.#chord) {
      this.releaseAll();
      this.#on.leave();
    }
  }

  // A window manager that shows its own list at Alt+Tab keeps to itself that Alt was let go.
  #notice(event, code) {
    if (event.getModifierState("AltGraph")) return; // which is Ctrl and Alt on some systems, and says neither
    for (const [modifier, codes] of MODIFIERS) {
      if (event[modifier] || codes.includes(code)) continue;
      for (const each of codes) this.#put(each, false);
    }
  }

  // Caps lock may have been pressed elsewhere.
  #synchronize(event, code) {
    if (!this.#fresh) return;
    this.#fresh = false;
    if (!this.#leds || code === Key.CapsLock || !event.getModifierState) return;
    if (event.getModifierState("CapsLock") !== this.#leds.capsLock) this.tap([Key.CapsLock]);
  }

  #put(code, down) {
    if (this.#down.has(code) === down) return;
    if (down)
      this.#down.add(code);
    else
      this.#down.delete(code);
    this.#writer.key(code, down ? 1 : 0);
    this.#flush();
  }

  // Keys that are pressed and let go from now on reach the guest after the text that the first of them pastes.
  async #holdForPaste() {
    if (this.#held) return;
    this.#held = [];
    const text = await new Promise((resolve) => {
      this.#paste = resolve;
      setTimeout(() => resolve(""), PASTE_LIMIT); // nothing is pasted, as there is no text
    });
    this.#paste = null;
    if (text !== "") await this.#on.pasted(text);
    for (const message of this.#held) this.#send(message);
    this.#held = null;
  }

  #flush() {
    if (this.#writer.empty) return;
    if (this.#held)
      this.#held.push(this.#writer.take());
    else
      this.#send(this.#writer.take());
  }
}

// The keys that paste in most programs.
function pastes(event) {
  if (event.code === "KeyV") return (MAC ? event.metaKey || event.ctrlKey : event.ctrlKey) && !event.altKey;
  return event.code === "Insert" && event.shiftKey && !event.ctrlKey && !event.altKey;
}
