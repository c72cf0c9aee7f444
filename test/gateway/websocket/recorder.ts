import { type FrameHandler, type MessageLimits, Receiver } from "../../../src/gateway/websocket/receiver.ts";

/** What a receiver has told, in its order. Bytes are hex, so that events compare by their content. */
export type ReceiverEvent =
  | readonly ["text", string]
  | readonly ["binary" | "ping", string]
  | readonly ["close" | "failed", number, string];

export const LIMITS: MessageLimits = { bytes: 100_000, fragments: 64, pieces: 1_024 };

/** A receiver, and everything that it tells. */
export class Recorder implements FrameHandler {
  readonly events: ReceiverEvent[] = [];
  readonly receiver: Receiver;
  #inflated: () => void = () => undefined;

  constructor({ limits = LIMITS, deflate = false } = {}) {
    this.receiver = new Receiver(this, limits, deflate);
  }

  /** Pushes copies of the chunks, because a receiver unmasks in place, and waits for what is inflated. */
  async push(...chunks: readonly Uint8Array[]): Promise<ReceiverEvent[]> {
    for (const chunk of chunks) this.receiver.push(Buffer.from(chunk));
    if (this.receiver.isInflating) await new Promise<void>((resolve) => (this.#inflated = resolve));
    return this.events;
  }

  text(text: string): void {
    this.events.push(["text", text]);
  }

  binary(bytes: Buffer): void {
    this.events.push(["binary", bytes.toString("hex")]);
  }

  ping(payload: Buffer): void {
    this.events.push(["ping", payload.toString("hex")]);
  }

  closeFrame(code: number, reason: string): void {
    this.events.push(["close", code, reason]);
  }

  failed(code: number, reason: string): void {
    this.events.push(["failed", code, reason]);
  }

  inflated(): void {
    this.#inflated();
  }
}
