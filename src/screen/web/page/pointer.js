// Pointer: mouse, pen, wheel and fingers on the screen: as places on the guest's picture, or as steps while the pointer is
// locked.
import { BUTTONS } from "./keys.js";
import { InputWriter } from "./protocol.js";

const NOTCH = 120; // of the wheel, as guests count
const PIXELS_OF_NOTCH = 100;
const LINES_OF_NOTCH = 3;
const FINGERS = 10;

export class Pointer {
  #element;
  #send;
  #size = { width: 1, height: 1 };
  #writer = new InputWriter();
  #buttons = new Set();
  #fingers = new Map(); // pointerId to number
  #wheel = { vertical: 0, horizontal: 0 }; // what is less than a step yet
  #steps = { x: 0, y: 0 }; // likewise

  // element: shows the picture, all of it. send(message, isMove).
  constructor(element, send) {
    this.#element = element;
    this.#send = send;
    const listen = (type, handle) => element.addEventListener(type, (event) => {
      if (this.enabled) handle.call(this, event);
    }, { passive: false });
    listen("pointerdown", this.#pressed);
    listen("pointerup", this.#released);
    listen("pointercancel", this.#released);
    listen("pointermove", this.#moved);
    listen("wheel", this.#turned);
    listen("contextmenu", (event) => event.preventDefault());
    addEventListener("blur", () => this.releaseAll());
  }

  enabled = true;

  // Of the guest's picture, in pixels.
  set size(size) { this.#size = size; }

  get locked() { return document.pointerLockElement === this.#element; }

  async lock() {
    try {
      await this.#element.requestPointerLock({ unadjustedMovement: true });
    } catch {
      await this.#element.requestPointerLock(); // without the option, which not all systems have
    }
  }

  releaseAll() {
    for (const code of this.#buttons) this.#writer.button(code, 0);
    for (const finger of this.#fingers.values()) this.#writer.touchEnd(finger);
    this.#buttons.clear();
    this.#fingers.clear();
    this.#flush(false);
  }

  // The pixel of the picture under a place of the window, and that as 0 to 65535 from edge to edge: the middle of the
  // pixel, so that rounding never leads to its neighbour.
  placeOf(event) {
    const box = this.#element.getBoundingClientRect();
    const along = (position, begin, extent, pixels) => {
      const pixel = Math.min(pixels - 1, Math.max(0, Math.floor((position - begin) / extent * pixels)));
      return { pixel, part: Math.min(65535, Math.floor((pixel + 0.5) / pixels * 65536)) };
    };
    return {
      x: along(event.clientX, box.left, box.width, this.#size.width),
      y: along(event.clientY, box.top, box.height, this.#size.height),
    };
  }

  #put(event) {
    if (this.locked) return;
    const place = this.placeOf(event);
    this.#writer.moveTo(place.x.part, place.y.part);
  }

  #pressed(event) {
    this.#element.focus({ preventScroll: true });
    event.preventDefault();
    this.#element.setPointerCapture?.(event.pointerId);
    if (event.pointerType === "touch") return this.#touch(event);
    const code = BUTTONS[event.button];
    if (code === undefined) return;
    this.#put(event);
    this.#buttons.add(code);
    this.#writer.button(code, 1);
    this.#flush(false);
  }

  #released(event) {
    event.preventDefault();
    const finger = this.#fingers.get(event.pointerId);
    if (finger !== undefined) {
      this.#fingers.delete(event.pointerId);
      this.#writer.touchEnd(finger);
      return this.#flush(false);
    }
    const code = BUTTONS[event.button];
    if (!this.#buttons.delete(code)) return;
    this.#put(event);
    this.#writer.button(code, 0);
    this.#flush(false);
  }

  #moved(event) {
    if (event.pointerType === "touch") return this.#touch(event);
    if (event.button >= 0 && event.buttons !== 0) this.#chorded(event);
    if (this.locked) {
      this.#steps.x += event.movementX;
      this.#steps.y += event.movementY;
      const x = Math.trunc(this.#steps.x);
      const y = Math.trunc(this.#steps.y);
      if (x === 0 && y === 0) return;
      this.#steps.x -= x;
      this.#steps.y -= y;
      this.#writer.moveBy(x, y);
      return this.#flush(false); // each step counts
    }
    this.#put(event);
    this.#flush(true);
  }

  // A second button while one is down comes as a move.
  #chorded(event) {
    const down = (event.buttons & [1, 4, 2, 8, 16][event.button]) !== 0;
    const code = BUTTONS[event.button];
    if (code === undefined || this.#buttons.has(code) === down) return;
    if (down)
      this.#buttons.add(code);
    else
      this.#buttons.delete(code);
    this.#writer.button(code, down ? 1 : 0);
  }

  #touch(event) {
    event.preventDefault();
    if (event.type === "pointerdown") {
      const taken = new Set(this.#fingers.values());
      const finger = [...Array(FINGERS).keys()].find((number) => !taken.has(number));
      if (finger !== undefined) this.#fingers.set(event.pointerId, finger);
    }
    const finger = this.#fingers.get(event.pointerId);
    if (finger === undefined) return;
    const place = this.placeOf(event);
    this.#writer.touch(finger, place.x.part, place.y.part);
    this.#flush(event.type === "pointermove");
  }

  #turned(event) {
    event.preventDefault();
    this.#wheel.vertical -= turnedBy(event, "Y"); // up is positive
    this.#wheel.horizontal += turnedBy(event, "X");
    const vertical = Math.trunc(this.#wheel.vertical);
    const horizontal = Math.trunc(this.#wheel.horizontal);
    if (vertical === 0 && horizontal === 0) return;
    this.#wheel.vertical -= vertical;
    this.#wheel.horizontal -= horizontal;
    this.#put(event);
    this.#writer.scroll(vertical, horizontal);
    this.#flush(false);
  }

  #flush(isMove) {
    if (!this.#writer.empty) this.#send(this.#writer.take(), isMove);
  }
}

// Down or right, in 120ths of a notch. One notch of a wheel is 120 of wheelDelta in all browsers, and 53 to 120 pixels or 3 to 6
// lines of delta. What trackpads tell has no notches; their wheelDelta is three times the pixels, where it is told.
function turnedBy(event, axis) {
  const perUnit = [NOTCH / PIXELS_OF_NOTCH, NOTCH / LINES_OF_NOTCH, NOTCH][event.deltaMode] ?? 1; // Firefox tells lines only to those who ask for it first
  const delta = event[`delta${axis}`];
  const wheel = event[`wheelDelta${axis}`] ?? 0; // the other way round
  const isWheel = wheel !== 0 && wheel % NOTCH === 0 && Math.abs(wheel) !== 3 * Math.abs(delta);
  return isWheel ? -wheel : delta * perUnit;
}
