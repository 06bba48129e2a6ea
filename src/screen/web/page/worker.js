// The worker: owns the WebSocket, the decoder and the canvas, so that a busy page delays no picture. Reconnects by itself.
// The page tells it what somebody wants and does; it tells the page what to say and show beside the picture.
import * as protocol from "./protocol.js";
import { Painter } from "./painter.js";
import { localTime, ServerClock } from "./clock.js";

const FIRST_DELAY = 500; // milliseconds before another attempt; doubled each time
const LONGEST_DELAY = 10_000;
const SILENCE = 15_000; // after which a connection counts as lost
const FAST_PINGS = 8; // in the beginning, until the server's clock is known well
const MOST_UNSENT = 16 * 1024; // bytes; above, pointer moves are left out

let settings = null; // {url, session, token, display, picture, codecs, maxFps}
let painter = null;
let socket = null;
let delay = FIRST_DELAY;
let retry = 0; // a timer
let connecting = false;
let pingTimer = 0;
let visible = true;
let statistics = false;
let blocked = 0; // for tests: until when nothing is read
const clock = new ServerClock();
let pings = 0;
let heard = 0; // when the server last said something

const tell = (message, transfer = []) => postMessage(message, transfer);
const send = (buffer) => { if (socket?.readyState === WebSocket.OPEN) socket.send(buffer); };

const orders = {
  start(order) {
    settings = order.settings;
    painter = new Painter(order.canvas, {
      painted(picture) {
        delay = FIRST_DELAY;
        send(protocol.acknowledge(picture.frame, painter.waiting, clock.serverTime(picture.receivedAt),
          clock.serverTime(picture.paintedAt)));
        if (clock.known && (picture.flags & protocol.Flag.replay) === 0) {
          tell({
            is: "frame",
            captured: picture.captured,
            encodeTime: picture.encodeTime,
            received: clock.serverTime(picture.receivedAt),
            decoded: clock.serverTime(picture.decodedAt),
            painted: clock.serverTime(picture.paintedAt),
            bytes: picture.data.byteLength,
            key: (picture.flags & protocol.Flag.key) !== 0,
          });
        }
      },
      resized(width, height) { tell({ is: "size", width, height }); },
      lost(why) {
        tell({ is: "notice", level: "information", text: `The decoder starts again: ${why}` });
        send(protocol.wantKey());
      },
    });
    connect();
  },
  // Another display, or another kind of picture.
  change(order) {
    Object.assign(settings, order.settings);
    painter.reset();
    sayHello();
  },
  message(order) { send(order.message); },
  input(order) {
    if (order.move && socket?.bufferedAmount > MOST_UNSENT) return;
    send(order.message);
  },
  mode(order) { send(protocol.wantMode(order.width, order.height)); },
  attention(order) {
    ({ visible, statistics } = order);
    send(protocol.attention(visible, statistics));
    if (visible && settings) connect();
  },
  // The picture as it is, as PNG.
  async screenshot() { tell({ is: "screenshot", blob: await painter.screenshot() }); },
  // For tests: a worker that hangs.
  block(order) {
    blocked = performance.now() + order.milliseconds;
    while (performance.now() < blocked);
  },
};
onmessage = (event) => orders[event.data.do](event.data);

function sayHello() {
  send(protocol.hello(settings.display, settings.picture, settings.codecs, settings.maxFps));
}

async function connect() {
  clearTimeout(retry);
  if (connecting || socket) return;
  connecting = true;
  tell({ is: "state", state: "connecting" });
  const session = await ask();
  connecting = false;
  if (session.refused) return tell({ is: "state", state: "refused", text: session.refused });
  if (!session.room) return again(session.room === false ? "There are as many viewers as allowed." : session.problem);
  tell({ is: "session", session });
  const opening = new WebSocket(settings.url, [protocol.SUBPROTOCOL, protocol.TOKEN_PROTOCOL + settings.token]);
  socket = opening;
  opening.binaryType = "arraybuffer";
  opening.onopen = () => {
    clock.reset();
    painter.reset();
    sayHello();
    send(protocol.attention(visible, statistics));
    heard = performance.now();
    pings = 0;
    ping();
    tell({ is: "state", state: "connected" });
  };
  opening.onmessage = (event) => {
    heard = performance.now();
    const message = protocol.read(event.data);
    if (message) (handlers[message.is] ?? tell)(message);
  };
  opening.onclose = () => {
    if (socket !== opening) return;
    socket = null;
    again("The connection is lost.");
  };
}

// What the server thinks of our token. WebSockets do not tell why they were refused.
async function ask() {
  try {
    const answer = await fetch(settings.session, {
      headers: { Authorization: `Bearer ${settings.token}` },
      cache: "no-store",
    });
    if (answer.status === 401) return { refused: (await answer.text()).trim() };
    if (!answer.ok) return { problem: (await answer.text()).trim() };
    return await answer.json();
  } catch {
    return { problem: "The server does not answer." };
  }
}

function again(text) {
  socket = null;
  if (!visible) return tell({ is: "state", state: "lost", text, seconds: 0 }); // when somebody looks
  const wait = delay * (0.8 + 0.4 * Math.random());
  delay = Math.min(2 * delay, LONGEST_DELAY);
  tell({ is: "state", state: "lost", text, seconds: Math.ceil(wait / 1000) });
  retry = setTimeout(connect, wait);
}

function ping() {
  if (socket?.readyState !== WebSocket.OPEN) return;
  if (performance.now() - heard > SILENCE) return socket.close();
  pings += 1;
  send(protocol.ping(pings, localTime()));
  clearTimeout(pingTimer);
  pingTimer = setTimeout(ping, statistics || pings < FAST_PINGS ? 1000 : 5000);
}

const handlers = {
  video(picture) {
    picture.receivedAt = localTime();
    painter.show(picture);
  },
  config(config) {
    painter.configure(config);
    tell(config);
  },
  blank() {
    painter.blank();
    tell({ is: "blank" });
  },
  pong(pong) {
    clock.answered(pong.viewerTime, pong.time, localTime());
    tell({ is: "roundTrip", milliseconds: clock.roundTrip / 1000 });
  },
};
