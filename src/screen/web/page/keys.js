// Which keys there are: event.code to the numbers of Linux's input-event-codes.h, and which keys type a character on a
// US keyboard. Sends nothing.

const ROWS = {
  1: "Escape Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal Backspace Tab",
  16: "KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter ControlLeft",
  30: "KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backquote ShiftLeft Backslash",
  44: "KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash ShiftRight NumpadMultiply AltLeft Space CapsLock",
  59: "F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock Numpad7 Numpad8 Numpad9 NumpadSubtract Numpad4 Numpad5 Numpad6",
  78: "NumpadAdd Numpad1 Numpad2 Numpad3 Numpad0 NumpadDecimal",
  85: "Lang5 IntlBackslash F11 F12 IntlRo Lang3 Lang4 Convert KanaMode NonConvert",
  96: "NumpadEnter ControlRight NumpadDivide PrintScreen AltRight",
  102: "Home ArrowUp PageUp ArrowLeft ArrowRight End ArrowDown PageDown Insert Delete",
  113: "AudioVolumeMute AudioVolumeDown AudioVolumeUp",
  116: "Power NumpadEqual",
  119: "Pause",
  121: "NumpadComma Lang1 Lang2 IntlYen MetaLeft MetaRight ContextMenu",
  128: "BrowserStop Again Props Undo",
  133: "Copy Open Paste Find Cut Help",
  158: "BrowserBack BrowserForward",
  163: "MediaTrackNext MediaPlayPause MediaTrackPrevious MediaStop",
  183: "F13 F14 F15 F16 F17 F18 F19 F20 F21 F22 F23 F24",
};

const CODES = new Map();
for (const [first, names] of Object.entries(ROWS))
  names.split(" ").forEach((name, i) => CODES.set(name, Number(first) + i));

// undefined: a key that guests have no number for.
export const codeOf = (name) => CODES.get(name);

export const Key = Object.fromEntries(
  ["ShiftLeft", "ShiftRight", "ControlLeft", "ControlRight", "AltLeft", "MetaLeft", "MetaRight", "CapsLock", "Enter", "Tab",
    "Backspace", "Delete", "Escape", "ArrowLeft", "ArrowRight"].map((name) => [name, CODES.get(name)]));

// What of event.button is which of BTN_LEFT and so on.
export const BUTTONS = [0x110, 0x112, 0x111, 0x113, 0x114];

const TYPED = new Map([["\n", { code: Key.Enter }], ["\t", { code: Key.Tab }], [" ", { code: CODES.get("Space") }]]);
for (let i = 0; i < 26; ++i) {
  const code = CODES.get(`Key${String.fromCharCode(65 + i)}`);
  TYPED.set(String.fromCharCode(97 + i), { code });
  TYPED.set(String.fromCharCode(65 + i), { code, shift: true });
}
const PLAIN = "1234567890-=[];'`\\,./";
const SHIFTED = "!@#$%^&*()_+{}:\"~|<>?";
const NAMES = ("Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal BracketLeft" +
  " BracketRight Semicolon Quote Backquote Backslash Comma Period Slash").split(" ");
NAMES.forEach((name, i) => {
  TYPED.set(PLAIN[i], { code: CODES.get(name) });
  TYPED.set(SHIFTED[i], { code: CODES.get(name), shift: true });
});

// {code, shift} that types a character in a guest with a US layout; undefined: no key does.
export const keyOfCharacter = (character) => TYPED.get(character === "\r" ? "\n" : character);
