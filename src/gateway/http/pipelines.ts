import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Limits of pipelined requests (RFC 9112 section 9.3.2). */
export interface PipelineLimits {
  /** Requests of one socket that are in work, or whose response the client has not read. */
  readonly unanswered: number;
  /** Further requests that wait, on all sockets together. At the end the socket with most of them is cut. */
  readonly waiting: number;
}

const LIMITS: PipelineLimits = { unanswered: 16, waiting: 4_096 };

/** Requests of one socket. */
interface Pipeline {
  readonly socket: Socket;
  unanswered: number;
  /** Starts of the requests that wait, oldest first. */
  readonly waiting: (() => void)[];
}

/**
 * Bounds the unanswered requests of each socket. One read may bring a thousand requests, so those beyond the limit wait,
 * and the socket is not read meanwhile. A response counts until the kernel has taken its last byte. The number of
 * requests after each other is unlimited.
 */
export class Pipelines {
  readonly #limits: PipelineLimits;
  readonly #pipelines = new WeakMap<Socket, Pipeline>();
  /** Pipelines in which requests wait. */
  readonly #full = new Set<Pipeline>();
  #waiting = 0;
  #cut = 0;

  constructor(limits = LIMITS) {
    this.#limits = limits;
  }

  /** Sockets that were cut because too many requests waited. */
  get cut(): number {
    return this.#cut;
  }

  /** Passes a request on to the listener: now, or when the socket has room. */
  take(request: IncomingMessage, response: ServerResponse, listener: RequestListener): void {
    // HTTP/2 bounds the streams of a connection itself, and all of them share one socket.
    if (request.httpVersionMajor !== 1) return void listener(request, response);
    const pipeline = this.#pipelineOf(request.socket);
    const start = (): void => {
      pipeline.unanswered++;
      response.once("close", () => this.#answered(pipeline));
      void listener(request, response);
    };
    if (pipeline.unanswered < this.#limits.unanswered) start();
    else this.#wait(pipeline, start);
  }

  #pipelineOf(socket: Socket): Pipeline {
    const known = this.#pipelines.get(socket);
    if (known !== undefined) return known;
    const pipeline: Pipeline = { socket, unanswered: 0, waiting: [] };
    this.#pipelines.set(socket, pipeline);
    socket.once("close", () => this.#forget(pipeline));
    // Node resumes the socket at the end of each response.
    socket.on("resume", () => {
      if (pipeline.waiting.length > 0) socket.pause();
    });
    return pipeline;
  }

  #wait(pipeline: Pipeline, start: () => void): void {
    if (pipeline.socket.destroyed) return;
    pipeline.waiting.push(start);
    pipeline.socket.pause();
    this.#full.add(pipeline);
    this.#waiting++;
    if (this.#waiting > this.#limits.waiting) this.#cutLongest();
  }

  #answered(pipeline: Pipeline): void {
    pipeline.unanswered--;
    const next = pipeline.waiting.shift();
    if (next === undefined) return;
    this.#waiting--;
    next();
    if (pipeline.waiting.length > 0) return;
    this.#full.delete(pipeline);
    pipeline.socket.resume();
  }

  #cutLongest(): void {
    let longest: Pipeline | undefined;
    for (const pipeline of this.#full) {
      if (pipeline.waiting.length > (longest?.waiting.length ?? 0)) longest = pipeline;
    }
    if (longest === undefined) return;
    this.#cut++;
    this.#forget(longest);
    longest.socket.destroy();
  }

  #forget(pipeline: Pipeline): void {
    this.#waiting -= pipeline.waiting.length;
    pipeline.waiting.length = 0;
    this.#full.delete(pipeline);
  }
}
