// The page: starts the worker, shows what it tells, and gives it what somebody does. Pictures never come through here.
import { Clipboard } from "./clipboard.js";
import { Keyboard } from "./keyboard.js";
import { Overlay } from "./overlay.js";
import { Pointer } from "./pointer.js";
import { Key } from "./keys.js";
import { Picture } from "./protocol.js";

const STORED_TOKEN = "hesper-token";
const NOTICE_TIME = 8000; // milliseconds
const LARGEST_CURSOR = 128; // pixels; browsers take no larger one

const $ = (id) => document.getElementById(id);
const stage = $("stage");
const screen = $("screen");
const parameters = new URLSearchParams(location.search);

// The token goes from the address into the tab's memory, so that it stays in no history.
function takeToken() {
  const given = parameters.get("token");
  if (given) {
    sessionStorage.setItem(STORED_TOKEN, given);
    parameters.delete("token");
    const rest = parameters.toString();
    history.replaceState(null, "", location.pathname + (rest ? `?${rest}` : ""));
  }
  return sessionStorage.getItem(STORED_TOKEN);
}

// What this browser can decode, as a set of bits, and why it is none.
async function findCodecs() {
  if (!isSecureContext)
    return { codecs: 0, why: "Browsers decode video only from https or from this machine (127.0.0.1)." };
  if (!("VideoDecoder" in self)) return { codecs: 0, why: "This browser has no WebCodecs." };
  const strings = ["", "avc1.640028", "hvc1.1.6.L123.B0", "av01.0.08M.08", "vp09.00.40.08"];
  let codecs = 0;
  await Promise.all(strings.map(async (codec, number) => {
    if (!codec) return;
    const answer = await VideoDecoder.isConfigSupported({ codec, optimizeForLatency: true }).catch(() => null);
    if (answer?.supported) codecs |= 1 << number;
  }));
  return { codecs, why: codecs === 0 ? "This browser decodes none of the codecs that there are." : "" };
}

// For tests and for people's scripts.
const state = { state: "starting", size: null, frames: 0, viewOnly: false, displays: [], display: 0, leds: null,
  cursor: null, config: null, report: null, notices: [],
  clipboard: { toGuest: false, fromGuest: false, waiting: false, text: "" } };
window.hesper = {
  state,
  summary: () => overlay.summary(),
  forget: () => overlay.clear(),
  screenshot,
  block: (milliseconds) => worker.postMessage({ do: "block", milliseconds }),
  pixelAt: (clientX, clientY) => {
    const place = pointer.placeOf({ clientX, clientY });
    return [place.x.pixel, place.y.pixel];
  },
};

const worker = new Worker("worker.js", { type: "module" });
const tell = (message, transfer = []) => worker.postMessage(message, transfer);
const sendInput = (message, move = false) => tell({ do: "input", message, move }, [message]);
const overlay = new Overlay($("overlay"));
const clipboard = new Clipboard((message) => tell({ do: "message", message }, [message]), {
  changed: showClipboard,
  refused: (text) => notice("warning", text),
});
const keyboard = new Keyboard(screen, sendInput, {
  leave: () => $("full-button").focus(),
  pasted: (text) => clipboard.toGuest(text),
  wantsPaste: () => clipboard.ways.toGuest,
});
const pointer = new Pointer(screen, sendInput);
let screenshots = []; // who waits for one

const hears = {
  state(message) {
    state.state = message.state;
    const light = $("light");
    light.className = message.state;
    light.setAttribute("aria-label", message.state === "connected" ? "Connected" : "Not connected");
    if (message.state !== "connected") clipboard.ways = { toGuest: false, fromGuest: false, mostBytes: 0 };
    if (message.state === "connecting" && state.frames === 0) showPanel("Connecting", "");
    if (message.state === "connected") hidePanel();
    if (message.state === "refused") showPanel("Not allowed", message.text);
    if (message.state === "lost")
      showPanel(message.text, message.seconds > 0 ? `Trying again in ${message.seconds} s.` : "Trying again soon.", true);
  },
  session({ session }) {
    document.title = session.title;
    $("name").textContent = session.title;
    state.viewToken = session.view_token;
    $("share-button").hidden = !session.view_token;
    fitBar();
  },
  welcome({ viewOnly }) {
    state.viewOnly = viewOnly;
    keyboard.enabled = pointer.enabled = !viewOnly;
    for (const button of document.querySelectorAll("[data-input]")) button.hidden = viewOnly;
    if (viewOnly) notice("information", "You can look, and not type.");
    placeCursor();
    fitBar();
  },
  size({ width, height }) {
    state.size = { width, height };
    pointer.size = state.size;
    place();
  },
  frame(frame) {
    state.frames += 1;
    overlay.add(frame);
  },
  config(config) { state.config = overlay.config = config; },
  blank() { notice("information", "The display shows nothing."); },
  displays({ displays }) {
    state.displays = displays;
    showDisplays();
  },
  cursorShape(shape) { makeCursor(shape); },
  cursor({ id, x, y }) {
    state.cursor = { id, x, y };
    if (shape?.css)
      placeCursor();
    else
      drawCursor();
  },
  leds(leds) {
    state.leds = keyboard.leds = leds;
    const names = { numLock: "Num", capsLock: "Caps", scrollLock: "Scroll" };
    $("leds").textContent = Object.keys(names).filter((name) => leds[name]).map((name) => names[name]).join(" ");
  },
  clipboard({ text }) { clipboard.fromGuest(text); },
  clipboardWays({ toGuest, fromGuest, mostBytes }) { clipboard.ways = { toGuest, fromGuest, mostBytes }; },
  statistics({ report }) { state.report = overlay.report = report; },
  roundTrip({ milliseconds }) { state.roundTrip = overlay.roundTrip = milliseconds; },
  notice({ level, text }) { notice(level, text); },
  screenshot({ blob }) { for (const resolve of screenshots.splice(0)) resolve(blob); },
};
worker.onmessage = (event) => hears[event.data.is]?.(event.data);
worker.onerror = (event) => showPanel("This page does not work", event.message || "Its worker cannot be started.");

// What must be said.

function showPanel(title, text, button = false) {
  $("panel-title").textContent = title;
  $("panel-text").textContent = text;
  $("panel-button").hidden = !button;
  $("panel").hidden = false;
}
function hidePanel() { $("panel").hidden = true; }
$("panel-button").onclick = () => sayAttention();

function notice(level, text) {
  state.notices.push({ level, text });
  if (state.notices.length > 50) state.notices.shift();
  const line = document.createElement("p");
  line.className = level;
  line.textContent = text;
  $("notices").replaceChildren(...[...$("notices").children].slice(-2), line);
  setTimeout(() => line.remove(), NOTICE_TIME);
}

// Where the picture is, and how large.

function place() {
  if (!state.size) return;
  const { width, height } = state.size;
  const ratio = devicePixelRatio;
  const room = { width: stage.clientWidth, height: stage.clientHeight };
  let scale = 1 / ratio; // pixels of the window for one of the picture
  const fit = Math.min(room.width / width, room.height / height);
  if ($("scale").value === "fit") scale = fit;
  if ($("scale").value === "whole") scale = Math.max(1, Math.floor(fit * ratio)) / ratio;
  screen.style.width = `${width * scale}px`;
  screen.style.height = `${height * scale}px`;
  screen.style.imageRendering = Number.isInteger(scale * ratio) ? "pixelated" : "auto";
  drawCursor();
}
new ResizeObserver(() => {
  place();
  askForMode();
}).observe(stage);
$("scale").onchange = place;

let modeTimer = 0;
function askForMode() {
  clearTimeout(modeTimer);
  if ($("follow-button").getAttribute("aria-pressed") !== "true") return;
  modeTimer = setTimeout(() => {
    const even = (length) => Math.max(2, Math.floor(length * devicePixelRatio / 2) * 2);
    tell({ do: "mode", width: even(stage.clientWidth), height: even(stage.clientHeight) });
  }, 200);
}

// The guest's pointer: the browser's own where that points, else drawn above the picture.

let shape = null; // {width, height, hotX, hotY, bitmap}

function makeCursor(message) {
  const canvas = new OffscreenCanvas(message.width, message.height);
  canvas.getContext("2d").putImageData(new ImageData(message.pixels, message.width, message.height), 0, 0);
  shape = { ...message, bitmap: canvas };
  state.cursorShape = { width: message.width, height: message.height, hotX: message.hotX, hotY: message.hotY };
  drawCursor();
}

function drawCursor() {
  if (!shape || !state.size) return placeCursor();
  const ratio = devicePixelRatio;
  const scale = screen.getBoundingClientRect().width / state.size.width;
  const size = (length) => Math.max(1, Math.min(LARGEST_CURSOR, Math.round(length * scale * ratio)));
  const canvas = $("cursor");
  canvas.width = size(shape.width);
  canvas.height = size(shape.height);
  canvas.style.width = `${canvas.width / ratio}px`;
  canvas.style.height = `${canvas.height / ratio}px`;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = !Number.isInteger(scale * ratio);
  context.drawImage(shape.bitmap, 0, 0, canvas.width, canvas.height);
  const hot = [shape.hotX, shape.hotY].map((spot, i) =>
    Math.min(Math.round(spot * scale), Math.floor([canvas.width, canvas.height][i] / ratio) - 1));
  shape.css = `image-set(url("${canvas.toDataURL()}") ${ratio}x) ${Math.max(0, hot[0])} ${Math.max(0, hot[1])}, default`;
  placeCursor();
}

function placeCursor() {
  const mine = !state.viewOnly && !pointer.locked;
  const shown = state.cursor !== null && state.cursor.id !== 0 && shape !== null;
  screen.style.cursor = mine ? (shown ? shape.css ?? "default" : state.cursor ? "none" : "default") : "default";
  const canvas = $("cursor");
  canvas.hidden = !shown || (mine && screen.matches(":hover")) || !state.size;
  if (canvas.hidden) return;
  const box = screen.getBoundingClientRect();
  const room = stage.getBoundingClientRect();
  const scale = box.width / state.size.width;
  const x = box.left - room.left + stage.scrollLeft + (state.cursor.x - shape.hotX) * scale;
  const y = box.top - room.top + stage.scrollTop + (state.cursor.y - shape.hotY) * scale;
  canvas.style.transform = `translate(${x}px, ${y}px)`;
}
for (const type of ["pointerenter", "pointerleave"]) screen.addEventListener(type, placeCursor);
document.addEventListener("pointerlockchange", () => {
  $("lock-button").setAttribute("aria-pressed", pointer.locked);
  placeCursor();
});

// Displays.

function showDisplays() {
  const several = state.displays.length > 1;
  $("displays").replaceChildren(...(several ? state.displays : []).map(({ number, width, height }) => {
    const button = document.createElement("button");
    button.type = "button";
    const word = button.appendChild(document.createElement("span"));
    word.className = "word";
    word.textContent = "Display ";
    button.append(number + 1);
    button.setAttribute("aria-label", `Display ${number + 1}`);
    button.title = `${width} × ${height}; with Control or the middle button in a window of its own`;
    button.setAttribute("aria-current", number === state.display);
    button.onclick = (event) => (event.ctrlKey || event.metaKey ? openDisplay(number) : showDisplay(number));
    button.onauxclick = () => openDisplay(number);
    return button;
  }));
  fitBar();
}

// A tab of its own keeps the token, as it is opened by this one.
const openDisplay = (number) => window.open(`/?display=${number}`, "_blank");

function showDisplay(number) {
  keyboard.releaseAll();
  pointer.releaseAll();
  state.display = number;
  overlay.clear();
  tell({ do: "change", settings: { display: number } });
  showDisplays();
  screen.focus();
}

// The bar.

// A menu takes the buttons for which there is no room.
function fitBar() {
  const bar = $("bar");
  bar.classList.remove("narrow");
  const narrow = bar.scrollWidth > bar.clientWidth;
  if (!narrow) $("tools").hidePopover?.();
  bar.classList.toggle("narrow", narrow);
}
new ResizeObserver(fitBar).observe($("bar"));
$("tools").addEventListener("click", (event) => {
  if (event.target.closest("button")) $("tools").hidePopover?.();
});

function press(button, pressed) { $(button).setAttribute("aria-pressed", pressed); }
const isPressed = (button) => $(button).getAttribute("aria-pressed") === "true";

function sayAttention() { tell({ do: "attention", visible: !document.hidden, statistics: overlay.shown }); }
document.addEventListener("visibilitychange", sayAttention);

$("statistics-button").onclick = () => {
  overlay.shown = !overlay.shown;
  press("statistics-button", overlay.shown);
  sayAttention();
};
$("follow-button").onclick = () => {
  press("follow-button", !isPressed("follow-button"));
  askForMode();
};
$("lock-button").onclick = async () => {
  screen.focus();
  try {
    await pointer.lock();
  } catch (error) {
    notice("warning", `The pointer cannot be locked: ${error.message}`);
  }
};
$("keys-button").onclick = () => {
  keyboard.tap([Key.ControlLeft, Key.AltLeft, Key.Delete]);
  screen.focus();
};
if (navigator.keyboard?.lock) $("full-button").title = "Full screen; the guest gets all keys, hold Esc to leave";
$("full-button").onclick = async () => {
  if (document.fullscreenElement) return document.exitFullscreen();
  try {
    await document.documentElement.requestFullscreen({ navigationUI: "hide" });
    await navigator.keyboard?.lock?.();
  } catch (error) {
    notice("warning", `Full screen is not to be had: ${error.message}`);
  }
  screen.focus();
};
document.addEventListener("fullscreenchange", () => {
  document.body.classList.toggle("full", document.fullscreenElement !== null);
  if (!document.fullscreenElement) navigator.keyboard?.unlock?.();
});

function screenshot() {
  return new Promise((resolve) => {
    screenshots.push(resolve);
    tell({ do: "screenshot" });
  });
}
$("picture-button").onclick = async () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await screenshot());
  link.download = `${document.title}.png`;
  link.click();
  URL.revokeObjectURL(link.href);
};
$("share-button").onclick = async () => {
  const address = `${location.origin}/?token=${state.viewToken}`;
  try {
    await navigator.clipboard.writeText(address);
    notice("information", "The address to look with is on the clipboard.");
  } catch {
    prompt("The address to look with:", address); // not allowed, or not a secure page
  }
};

// Text.

async function type(text) {
  const missing = await keyboard.type(text);
  if (missing.length > 0) notice("warning", `No key of a US keyboard types ${missing.join(" ")}`);
}
$("text-button").onclick = () => {
  $("text").value = "";
  $("text-dialog").showModal();
};
$("text-dialog").onclose = () => {
  screen.focus();
  if ($("text-dialog").returnValue === "send") type($("text").value);
};

// The clipboard. Most goes by itself; the dialog is for what the browser does not allow.

function showClipboard() {
  const { toGuest, fromGuest } = clipboard.ways;
  state.clipboard = { toGuest, fromGuest, waiting: clipboard.waiting, text: clipboard.text };
  $("clipboard-button").hidden = !toGuest && !fromGuest;
  $("clipboard-button").classList.toggle("waiting", clipboard.waiting);
  $("clipboard-send").hidden = $("clipboard-read").hidden = !toGuest;
  fitBar();
}
$("clipboard-button").onclick = () => {
  $("clipboard-text").value = clipboard.text;
  $("clipboard-said").textContent = "";
  $("clipboard-dialog").showModal();
  $("clipboard-text").select();
};
const sayInDialog = (text) => { $("clipboard-said").textContent = text; };
$("clipboard-read").onclick = async () => {
  try {
    $("clipboard-text").value = await clipboard.read();
  } catch (error) {
    sayInDialog(`Paste the text here: ${error.message}.`);
    $("clipboard-text").focus();
  }
};
$("clipboard-copy").onclick = async () => {
  try {
    await clipboard.copy($("clipboard-text").value);
    sayInDialog("It is on this computer's clipboard.");
  } catch (error) {
    sayInDialog(`Copy it with the keyboard: ${error.message}.`);
    $("clipboard-text").select();
  }
};
$("clipboard-dialog").onclose = async () => {
  screen.focus();
  if ($("clipboard-dialog").returnValue === "send") await clipboard.toGuest($("clipboard-text").value);
};

// The keyboard of a phone writes text, it does not press keys.
$("keyboard-button").hidden = !matchMedia("(pointer: coarse)").matches;
// Its text always has something to delete: browsers tell nothing of Backspace where there is not.
const emptyTyped = () => { $("typed").value = "  "; };
emptyTyped();
$("keyboard-button").onclick = () => $("typed").focus();
$("typed").addEventListener("beforeinput", (event) => {
  const keys = { insertLineBreak: Key.Enter, deleteContentBackward: Key.Backspace, deleteContentForward: Key.Delete };
  if (keys[event.inputType]) keyboard.tap([keys[event.inputType]]);
  if (event.data && !event.isComposing) type(event.data);
  if (!event.isComposing) event.preventDefault();
});
$("typed").addEventListener("compositionend", (event) => {
  type(event.data);
  emptyTyped();
});

async function start() {
  const token = takeToken();
  if (!token)
    return showPanel("Not allowed", "This page needs a token: open the address that hesper printed.");
  if (!screen.transferControlToOffscreen)
    return showPanel("This browser is too old", "It cannot draw in the background (OffscreenCanvas).");
  const asked = { tiles: Picture.tiles, lossless: Picture.lossless }[parameters.get("codec")];
  const { codecs, why } = await findCodecs();
  if (asked === undefined && codecs === 0) notice("warning", `Pictures come as JPEG tiles, not as video. ${why}`);
  state.display = Number(parameters.get("display") ?? 0) & 15;
  const canvas = screen.transferControlToOffscreen();
  const url = new URL("/stream", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  tell({
    do: "start",
    canvas,
    settings: {
      url: url.href,
      session: new URL("/session", location.href).href,
      token,
      display: state.display,
      picture: asked ?? (codecs === 0 ? Picture.tiles : Picture.video),
      codecs,
      maxFps: Number(parameters.get("fps") ?? 0) & 255,
    },
  }, [canvas]);
  screen.focus();
}

start();
