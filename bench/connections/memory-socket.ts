import { Socket } from "node:net";

/** The client's end of a memory socket. One object serves all sockets. */
export interface FarEnd {
  /** Takes what the server writes. A text is the answer to the upgrade, or the payload of a frame. */
  written(socket: MemorySocket, bytes: Buffer | string): void;
  /** Takes notice that the server has ended its side, or has cut the socket. */
  ended(socket: MemorySocket): void;
}

/**
 * A socket of a server without a kernel below it. What the server writes is handed to the client's end within the call, as if the kernel had taken
 * all of it at once; what the client sends is brought by {@link bring}. It is a `net.Socket`, so everything above the system calls is the code that
 * serves real clients. It takes no file handle.
 */
export class MemorySocket extends Socket {
  /** Number of the client. */
  readonly number: number;
  readonly #farEnd: FarEnd;
  #received = 0;

  constructor(number: number, farEnd: FarEnd) {
    super({ allowHalfOpen: true }); // as the HTTP server of Node makes its sockets
    this.number = number;
    this.#farEnd = farEnd;
  }

  /** Bytes that the client has sent. */
  get received(): number {
    return this.#received;
  }

  /** Brings bytes of the client. They may be shared by many sockets: the server only reads them, as long as their mask is zero. */
  bring(bytes: Buffer): void {
    this.#received += bytes.length;
    this.push(bytes);
  }

  /** Ends the client's side. */
  bringEnd(): void {
    this.push(null);
  }

  /** Bytes come by {@link bring}. */
  override _read(): void {}

  override _write(bytes: Buffer | string, _encoding: BufferEncoding, done: () => void): void {
    this.#farEnd.written(this, bytes);
    done();
  }

  override _writev(chunks: readonly { readonly chunk: Buffer | string }[], done: () => void): void {
    for (const { chunk } of chunks) this.#farEnd.written(this, chunk);
    done();
  }

  override _final(done: () => void): void {
    this.#farEnd.ended(this);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#farEnd.ended(this);
    super._destroy(error, done);
  }
}

// Not as accessors of the class: the published types of Node have them as fields.
Object.defineProperties(MemorySocket.prototype, {
  bytesRead: {
    get(this: MemorySocket): number {
      return this.received;
    },
  },
  /** An address for each client: a string of its own, as real sockets have. */
  remoteAddress: {
    get(this: MemorySocket): string {
      const { number } = this;
      return `127.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
    },
  },
});
