// Painter: pictures as they come onto a canvas: video through WebCodecs, tiles through the browser's image decoders. Runs
// in the worker; knows no socket.
import { Codec, Flag, readTiles } from "./protocol.js";
import { localTime } from "./clock.js";

const MANY_WAITING = 30; // pictures in a decoder: it will not catch up

export class Painter {
  #canvas;
  #context;
  #on;
  #config = null;
  #decoder = null;
  #needsKey = true;
  #pending = new Map(); // of the decoder, by time stamp
  #tiles = Promise.resolve(); // the end of the queue of tiles
  #tilesWaiting = 0;
  #generation = 0; // of what was reset, nothing is painted

  // on: painted(picture), resized(width, height), lost(why): nothing can be painted until a key frame comes.
  constructor(canvas, on) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false, desynchronized: true });
    this.#on = on;
  }

  get waiting() { return (this.#decoder?.decodeQueueSize ?? 0) + this.#tilesWaiting; }

  // What comes next has nothing to do with what came.
  reset() {
    this.#generation += 1;
    this.#close();
    this.#config = null;
    this.#needsKey = true;
    this.#tilesWaiting = 0;
  }

  configure(config) {
    this.#config = config;
    this.#close();
    this.#needsKey = true;
  }

  blank() {
    this.#context.fillStyle = "black";
    this.#context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
  }

  show(picture) {
    if (picture.codec === Codec.jpegTiles || picture.codec === Codec.pngTiles)
      this.#showTiles(picture);
    else
      this.#decode(picture);
  }

  screenshot() { return this.#canvas.convertToBlob({ type: "image/png" }); }

  #resize(width, height) {
    if (this.#canvas.width === width && this.#canvas.height === height) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#on.resized(width, height);
  }

  #close() {
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = null;
    this.#pending.clear();
  }

  #lose(why) {
    this.#close();
    this.#needsKey = true;
    this.#on.lost(why);
  }

  #decode(picture) {
    const key = (picture.flags & Flag.key) !== 0;
    if (this.#needsKey && !key) return; // of before the key frame that was asked for
    try {
      this.#decoder ??= this.#makeDecoder();
      this.#needsKey = false;
      this.#pending.set(picture.frame, picture);
      this.#decoder.decode(new EncodedVideoChunk({
        type: key ? "key" : "delta",
        timestamp: picture.frame, // microseconds by its definition, but nobody else reads it
        data: picture.data,
      }));
    } catch (error) {
      return this.#lose(error.message);
    }
    if (this.#decoder.decodeQueueSize > MANY_WAITING) this.#lose("it is too far behind");
  }

  #makeDecoder() {
    const generation = ++this.#generation;
    const decoder = new VideoDecoder({
      output: (frame) => {
        if (generation === this.#generation) this.#paint(frame);
        frame.close();
      },
      error: (error) => { if (generation === this.#generation) this.#lose(error.message); },
    });
    decoder.configure({ codec: this.#config.codecString, optimizeForLatency: true });
    return decoder;
  }

  #paint(frame) {
    const picture = this.#pending.get(frame.timestamp);
    this.#pending.delete(frame.timestamp);
    if (!picture) return;
    picture.decodedAt = localTime();
    this.#resize(picture.width, picture.height);
    this.#context.drawImage(frame, 0, 0, picture.width, picture.height);
    this.#painted(picture);
  }

  #painted(picture) {
    picture.paintedAt = localTime();
    this.#on.painted(picture);
  }

  #showTiles(picture) {
    const generation = this.#generation;
    this.#tilesWaiting += 1;
    this.#tiles = this.#tiles.then(async () => {
      if (generation !== this.#generation) return;
      try {
        const type = picture.codec === Codec.pngTiles ? "image/png" : "image/jpeg";
        const tiles = readTiles(picture.data);
        // Exact pixels: no colour management, and no alpha that is not there.
        const images = await Promise.all(tiles.map((tile) => createImageBitmap(new Blob([tile.data], { type }),
          { colorSpaceConversion: "none", premultiplyAlpha: "none" })));
        if (generation !== this.#generation) return;
        picture.decodedAt = localTime();
        this.#resize(picture.width, picture.height);
        images.forEach((image, i) => {
          this.#context.drawImage(image, tiles[i].x, tiles[i].y);
          image.close();
        });
        this.#tilesWaiting -= 1;
        this.#painted(picture);
      } catch (error) {
        this.#tilesWaiting -= 1;
        this.#on.lost(error.message);
      }
    });
  }
}
