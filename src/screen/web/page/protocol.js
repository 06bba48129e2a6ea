// The messages between page and server, as docs/web.md has them: writing the viewer's, reading the server's.
// All numbers are little-endian. Knows no socket.

export const VERSION = 1;
export const SUBPROTOCOL = "hesper.v1";
export const TOKEN_PROTOCOL = "hesper.token.";

export const Codec = { h264: 1, hevc: 2, av1: 3, vp9: 4, jpegTiles: 16, pngTiles: 17 };
export const Picture = { video: 0, tiles: 1, lossless: 2 };
export const Flag = { key: 1, refinement: 4, replay: 16 };

const SERVER = ["", "video", "welcome", "config", "displays", "cursorShape", "cursor", "leds", "blank", "pong",
  "statistics", "notice", "clipboard", "clipboardWays"];
const VIDEO_HEADER = 24;

function message(size, type) {
  const view = new DataView(new ArrayBuffer(size));
  view.setUint8(0, type);
  return view;
}

export function hello(display, picture, codecs, maxFps) {
  const view = message(8, 0x81);
  view.setUint8(1, display);
  view.setUint16(2, VERSION, true);
  view.setUint8(4, picture);
  view.setUint8(5, codecs);
  view.setUint8(6, maxFps);
  return view.buffer;
}

// Times: microseconds on the server's clock.
export function acknowledge(frame, waiting, received, painted) {
  const view = message(24, 0x82);
  view.setUint8(1, Math.min(waiting, 255));
  view.setUint32(4, frame, true);
  view.setBigUint64(8, BigInt(Math.max(0, Math.round(received))), true);
  view.setBigUint64(16, BigInt(Math.max(0, Math.round(painted))), true);
  return view.buffer;
}

export const wantKey = () => message(4, 0x83).buffer;

export function wantMode(width, height, refreshMillihertz = 0) {
  const view = message(12, 0x84);
  view.setUint16(4, width, true);
  view.setUint16(6, height, true);
  view.setUint32(8, refreshMillihertz, true);
  return view.buffer;
}

export function attention(visible, statistics) {
  const view = message(4, 0x85);
  view.setUint8(1, visible ? 1 : 0);
  view.setUint8(2, statistics ? 1 : 0);
  return view.buffer;
}

// time: microseconds; comes back in the answer.
export function ping(number, time) {
  const view = message(16, 0x86);
  view.setUint32(4, number, true);
  view.setBigUint64(8, BigInt(Math.round(time)), true);
  return view.buffer;
}

// text: UTF-8, as bytes.
export function clipboard(text) {
  const bytes = new Uint8Array(4 + text.length);
  bytes[0] = 0x91;
  bytes.set(text, 4);
  return bytes.buffer;
}

// Events that happen at once; take() gives the message.
export class InputWriter {
  #view = new DataView(new ArrayBuffer(1024));
  #size = 0;

  get empty() { return this.#size === 0; }

  key(code, down) { return this.#put(4, 1, (view, at) => { view.setUint16(at, code, true); view.setUint8(at + 2, down); }); }
  button(code, down) { return this.#put(4, 2, (view, at) => { view.setUint16(at, code, true); view.setUint8(at + 2, down); }); }
  moveTo(x, y) { return this.#put(5, 3, (view, at) => { view.setUint16(at, x, true); view.setUint16(at + 2, y, true); }); }
  moveBy(x, y) { return this.#put(9, 4, (view, at) => { view.setInt32(at, x, true); view.setInt32(at + 4, y, true); }); }
  scroll(vertical, horizontal) {
    return this.#put(9, 5, (view, at) => { view.setInt32(at, vertical, true); view.setInt32(at + 4, horizontal, true); });
  }
  touch(finger, x, y) {
    return this.#put(6, 6, (view, at) => {
      view.setUint8(at, finger);
      view.setUint16(at + 1, x, true);
      view.setUint16(at + 3, y, true);
    });
  }
  touchEnd(finger) { return this.#put(2, 7, (view, at) => view.setUint8(at, finger)); }

  take() {
    const size = this.#size;
    this.#size = 0;
    return this.#view.buffer.slice(0, size);
  }

  #put(size, kind, fill) {
    if (this.#size === 0) this.#view.setUint8(this.#size++, 0x90);
    this.#view.setUint8(this.#size, kind);
    fill(this.#view, this.#size + 1);
    this.#size += size;
    return this;
  }
}

// What the server says, as an object with the kind's name in `is`; null: nothing that this page knows.
export function read(buffer) {
  const view = new DataView(buffer);
  const is = SERVER[view.getUint8(0)];
  const reader = READERS[is];
  return reader ? { is, ...reader(view) } : null;
}

const text = (view, at) => new TextDecoder().decode(new Uint8Array(view.buffer, at));

const READERS = {
  video: (view) => ({
    codec: view.getUint8(1),
    flags: view.getUint16(2, true),
    frame: view.getUint32(4, true),
    captured: Number(view.getBigUint64(8, true)),
    encodeTime: view.getUint32(16, true),
    width: view.getUint16(20, true),
    height: view.getUint16(22, true),
    data: new Uint8Array(view.buffer, VIDEO_HEADER),
  }),
  welcome: (view) => ({
    viewOnly: (view.getUint8(1) & 1) !== 0,
    version: view.getUint16(2, true),
    time: Number(view.getBigUint64(4, true)),
  }),
  config: (view) => ({
    codec: view.getUint8(1),
    width: view.getUint32(4, true),
    height: view.getUint32(8, true),
    codecString: text(view, 12),
  }),
  displays: (view) => {
    const displays = [];
    for (let i = 0, at = 2; i < view.getUint8(1); ++i, at += 13) {
      displays.push({
        number: view.getUint8(at),
        width: view.getUint32(at + 1, true),
        height: view.getUint32(at + 5, true),
        refreshMillihertz: view.getUint32(at + 9, true),
      });
    }
    return { displays };
  },
  cursorShape: (view) => ({
    width: view.getUint8(1),
    height: view.getUint8(2),
    hotX: view.getUint8(3),
    hotY: view.getUint8(4),
    id: view.getUint32(8, true),
    pixels: new Uint8ClampedArray(view.buffer.slice(12)),
  }),
  cursor: (view) => ({ id: view.getUint32(4, true), x: view.getInt32(8, true), y: view.getInt32(12, true) }),
  leds: (view) => ({
    numLock: (view.getUint8(1) & 1) !== 0,
    capsLock: (view.getUint8(1) & 2) !== 0,
    scrollLock: (view.getUint8(1) & 4) !== 0,
  }),
  blank: () => ({}),
  pong: (view) => ({
    number: view.getUint32(4, true),
    viewerTime: Number(view.getBigUint64(8, true)),
    time: Number(view.getBigUint64(16, true)),
  }),
  statistics: (view) => ({ report: JSON.parse(text(view, 1)) }),
  notice: (view) => ({ level: ["information", "warning", "error"][view.getUint8(1)], text: text(view, 2) }),
  clipboard: (view) => ({ text: text(view, 4) }),
  clipboardWays: (view) => ({
    toGuest: (view.getUint8(1) & 1) !== 0,
    fromGuest: (view.getUint8(1) & 2) !== 0,
    mostBytes: view.getUint32(4, true),
  }),
};

// The tiles of a picture: {x, y, width, height, data} each, pixels. Throws if they do not fit.
export function readTiles(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const tiles = [];
  for (let at = 0; at < view.byteLength;) {
    const size = view.getUint32(at + 8, true);
    tiles.push({
      x: view.getUint16(at, true),
      y: view.getUint16(at + 2, true),
      width: view.getUint16(at + 4, true),
      height: view.getUint16(at + 6, true),
      data: new Uint8Array(data.buffer, data.byteOffset + at + 12, size),
    });
    at += 12 + size;
  }
  return tiles;
}
