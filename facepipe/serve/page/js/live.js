/** The live connection: one frame under way at a time, so that what is answered is what is seen. It reconnects. */

import { ANOTHER, another, liveAddress, pause } from "./api.js";

const LONGEST_WAIT = 15; // seconds between attempts
const ANSWER_WITHIN = 12_000; // ms; then the connection counts as lost
const UNREACHED = 1006; // as browsers have it
const LATE = 4000; // our own close code for no answer in time
const NO_USE = new Set([1008]); // closed for good: asking again changes nothing

/**
 * Events: "open" (hello), "frame" {message, shot}, "message" (any other), "lost" {seconds, code, unheard: never
 * greeted}, "refused" {code}.
 * `grab(hello)` gives the next shot {blob, size}, or null when there is none.
 */
export class Live extends EventTarget {
  #socket = null;
  #over = new AbortController();
  #retry = null; // ends the wait before the next attempt
  #failed = 0;
  #answered = null;
  #slower = 1;
  #greeted = null; // the socket that said hello

  constructor(mode, grab) {
    super();
    this.mode = mode;
    this.grab = grab;
    this.#run();
  }

  send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Do not wait any longer before the next attempt. */
  retryNow() {
    this.#retry?.abort();
  }

  close() {
    this.#over.abort();
    this.#retry?.abort();
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.close();
  }

  #tell(type, detail) {
    if (!this.#over.signal.aborted) this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  async #run() {
    while (!this.#over.signal.aborted) {
      const address = await liveAddress().catch(() => null);
      if (this.#over.signal.aborted) return;
      const code = address === null ? UNREACHED : await this.#connection(address);
      if (this.#over.signal.aborted) return;
      if (NO_USE.has(code)) return this.#tell("refused", { code });
      if (code === 4429) this.#slower = Math.min(4, this.#slower * 1.5);
      const seconds = Math.min(LONGEST_WAIT, 0.5 * 2 ** this.#failed);
      this.#failed += 1;
      this.#tell("lost", { seconds, code, unheard: this.#greeted === null });
      this.#retry = new AbortController();
      await pause(seconds * 1000, this.#retry.signal).catch(() => undefined);
    }
  }

  /** One connection from opening to closing; resolves to the close code. */
  #connection(address) {
    return new Promise((resolve) => {
      const socket = new WebSocket(address);
      this.#socket = socket;
      const end = (code) => (this.#answered?.(null), socket.close(), resolve(code));
      socket.addEventListener("close", ({ code }) => end(code));
      socket.addEventListener("open", () => this.#over.signal.aborted && socket.close()); // before, it would be an error
      socket.addEventListener("message", ({ data }) => {
        const message = JSON.parse(data);
        if (message.error?.code === ANOTHER) another();
        else if (message.type === "hello" && this.#greeted !== socket) this.#greet(socket, message, end);
        else if (message.frame !== undefined)
          this.#answered?.(message); // an error too, where it is about a frame
        else this.#tell("message", message);
      });
    });
  }

  #greet(socket, hello, end) {
    this.#greeted = socket;
    this.#failed = 0;
    if (this.mode.mode !== hello.mode) this.send({ type: "mode", ...this.mode });
    this.#tell("open", hello);
    this.#frames(socket, hello, end);
  }

  async #frames(socket, hello, end) {
    for (let number = 1; socket.readyState === WebSocket.OPEN;) {
      const started = performance.now();
      const shot = await this.grab(hello);
      if (shot !== null && socket.readyState === WebSocket.OPEN) {
        const sent = performance.now();
        socket.send(shot.blob);
        const message = await this.#answer(number, end);
        if (message?.type === "frame") this.#tell("frame", { message, shot, latency: performance.now() - sent });
        else if (message !== null) await this.#failedFrame(message);
        number += 1;
      }
      const least = (1000 * this.#slower) / hello.max_fps;
      await pause(Math.max(shot?.pause ?? 0, least - (performance.now() - started)));
    }
  }

  async #failedFrame(message) {
    this.#tell("message", message);
    await pause(1000 * (message.error.retry_after ?? 1));
  }

  /** The answer to the `number`-th frame, null when the connection ends before. */
  #answer(number, end) {
    return new Promise((resolve) => {
      const late = setTimeout(() => end(LATE), ANSWER_WITHIN);
      this.#answered = (message) => {
        if (message !== null && message.frame !== number) return;
        clearTimeout(late);
        this.#answered = null;
        resolve(message);
      };
    });
  }
}
