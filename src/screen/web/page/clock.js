// The server's clock, as this page knows it: from pings, of which the quickest count. Asks nobody itself.

// performance.now() of different threads begins at different times; this does not. Microseconds.
export const localTime = () => (performance.timeOrigin + performance.now()) * 1000;

export class ServerClock {
  #samples = [];
  #offset = null;

  get known() { return this.#offset !== null; }
  // Microseconds there and back; null: not known.
  get roundTrip() { return this.#samples.length > 0 ? Math.min(...this.#samples.map((sample) => sample.roundTrip)) : null; }

  // A ping that went at `sent`, was answered at `server` and is back now.
  answered(sent, server, now) {
    const roundTrip = now - sent;
    this.#samples.push({ roundTrip, offset: server - (sent + now) / 2 });
    if (this.#samples.length > 16) this.#samples.shift();
    const quickest = [...this.#samples].sort((a, b) => a.roundTrip - b.roundTrip).slice(0, 4).map((s) => s.offset);
    quickest.sort((a, b) => a - b);
    this.#offset = quickest[Math.floor(quickest.length / 2)];
  }

  reset() {
    this.#samples = [];
    this.#offset = null;
  }

  // 0: not known.
  serverTime(local) { return this.#offset === null ? 0 : local + this.#offset; }
}
