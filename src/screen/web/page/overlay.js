// Overlay: where the time goes, as figures and as a plot of the newest frames. Measures nothing itself.

const FRAMES = 180; // in the plot
const CEILING = 100; // milliseconds at its upper edge

const percentile = (sorted, part) => sorted[Math.floor((sorted.length - 1) * part)];
const ms = (value) => `${value.toFixed(value < 10 ? 2 : 1)} ms`;

function quantity(value, unit) {
  const steps = ["", "k", "M", "G", "T"];
  let step = 0;
  for (; value >= 1000 && step < steps.length - 1; value /= 1000) step += 1;
  return `${value.toFixed(value < 10 && step > 0 ? 1 : 0)} ${steps[step]}${unit}`;
}

export class Overlay {
  #root;
  #plot;
  #figures;
  #frames = []; // {captured, received, decoded, painted, encodeTime, bytes, at}, microseconds on the server's clock
  #report = null;
  #roundTrip = null;
  #config = null;
  #drawing = 0;

  constructor(root) {
    this.#root = root;
    this.#plot = root.querySelector("canvas");
    this.#figures = root.querySelector("tbody");
  }

  get shown() { return !this.#root.hidden; }
  set shown(shown) {
    this.#root.hidden = !shown;
    this.#later();
  }

  add(frame) {
    this.#frames.push(frame);
    if (this.#frames.length > FRAMES) this.#frames.shift();
    this.#later();
  }
  set report(report) {
    this.#report = report;
    this.#later();
  }
  set roundTrip(milliseconds) { this.#roundTrip = milliseconds; }
  set config(config) { this.#config = config; }

  // Of the newest frames, milliseconds: {count, latency: {p50, p95}, gap, fps, ...}. For tests and scripts, too.
  summary() {
    const frames = this.#frames;
    const sorted = (values) => values.sort((a, b) => a - b);
    const latency = sorted(frames.map((frame) => (frame.painted - frame.captured) / 1000));
    const decoded = sorted(frames.map((frame) => (frame.decoded - frame.captured) / 1000));
    const decode = sorted(frames.map((frame) => (frame.decoded - frame.received) / 1000));
    const network = sorted(frames.map((frame) => (frame.received - frame.captured - frame.encodeTime) / 1000));
    const gaps = sorted(frames.slice(1).map((frame, i) => (frame.painted - frames[i].painted) / 1000));
    const both = (values) => values.length === 0 ? null : { p50: percentile(values, 0.5), p95: percentile(values, 0.95) };
    const span = frames.length > 1 ? (frames.at(-1).painted - frames[0].painted) / 1e6 : 0;
    return {
      count: frames.length,
      latency: both(latency), // to painted
      decoded: both(decoded), // likewise, to decoded
      decode: both(decode),
      network: both(network),
      gap: both(gaps),
      fps: span > 0 ? (frames.length - 1) / span : 0,
    };
  }

  // Forgets the frames: they are of something else.
  clear() { this.#frames = []; }

  #later() {
    if (this.#root.hidden || this.#drawing) return;
    this.#drawing = requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#draw();
      this.#tell();
    });
  }

  #draw() {
    const context = this.#plot.getContext("2d");
    const { clientWidth: width, clientHeight: height } = this.#plot;
    this.#plot.width = Math.round(width * devicePixelRatio); // and clears it
    this.#plot.height = Math.round(height * devicePixelRatio);
    context.scale(devicePixelRatio, devicePixelRatio);
    // The clocks may be wrong by more than a picture's way takes.
    const y = (milliseconds) => height - 1 - Math.min(1, Math.max(0, milliseconds / CEILING)) * (height - 2);
    context.font = "10px system-ui, sans-serif";
    for (const line of [16.7, 33.3, 100]) {
      context.fillStyle = "#2a3342";
      context.fillRect(0, y(line), width, 1);
      context.fillStyle = "#8d98ab";
      context.fillText(`${Math.round(line)} ms`, 2, y(line) + (line > 90 ? 11 : -2));
    }
    const curve = (color, values) => {
      context.strokeStyle = color;
      context.lineWidth = 1.5;
      context.beginPath();
      values.forEach((value, i) => context.lineTo(width - (values.length - 1 - i) * (width / FRAMES), y(value)));
      context.stroke();
    };
    curve("#7aa2f7", this.#frames.slice(1).map((frame, i) => (frame.painted - this.#frames[i].painted) / 1000));
    curve("#e0c27a", this.#frames.map((frame) => (frame.painted - frame.captured) / 1000));
  }

  #tell() {
    const rows = [];
    const head = (text) => rows.push({ text, head: true });
    const row = (text, value) => rows.push({ text, value });
    const summary = this.summary();
    const both = (values) => values ? `${ms(values.p50)} / ${ms(values.p95)}` : "–";
    const { stream, output, viewers } = this.#report ?? {};
    head("Here, p50 / p95");
    row("frames per second", summary.fps.toFixed(1));
    row("guest's flush to painted", both(summary.latency));
    row("on the way", both(summary.network));
    row("decoded", both(summary.decode));
    if (this.#roundTrip !== null) row("round trip", ms(this.#roundTrip));
    if (stream) {
      head("Stream");
      row("picture", `${stream.width} × ${stream.height}, ${stream.codec || "tiles"}`);
      row("encoder", stream.coder);
      row("bitrate allowed", quantity(stream.bitrate, "bit/s"));
      row("frames on their way", stream.in_flight);
      row("key frames, refinements", `${stream.key_frames}, ${stream.refinements}`);
      row("viewers", viewers);
    }
    if (output) {
      head("Server, p50 / p95 / p99");
      for (const stage of output.stages)
        row(`to ${stage.stage}`, `${ms(stage.p50)} / ${ms(stage.p95)} / ${ms(stage.p99)}`);
      row("frames, left out", `${output.frames}, ${output.skipped}`);
      row("sent", quantity(output.bytes, "B"));
      row("copied", `${quantity(output.copied_bytes, "B")} in ${output.copies}`);
      const kinds = Object.entries(output.sources).filter(([, frames]) => frames > 0);
      row("frames, by copies before", kinds.map(([kind, frames]) => `${kind} ${frames}`).join(", ") || "nothing");
    }
    this.#figures.replaceChildren(...rows.map(({ text, value, head: isHead }) => {
      const line = document.createElement("tr");
      const name = line.appendChild(document.createElement("th"));
      name.scope = "row";
      name.textContent = text;
      if (isHead) {
        line.className = "head";
        name.colSpan = 2;
      } else {
        line.appendChild(document.createElement("td")).textContent = value;
      }
      return line;
    }));
  }
}
