/** Bytes of a channel's cursors, and of each cursor besides its text: measured on V8, rounded up. */
const CURSORS_BYTES = 256;
const CURSOR_BYTES = 128;

/** Position that a device has acknowledged. The epoch may be a former one, whose messages are lost. */
export interface DeviceCursor {
  readonly device: string;
  readonly epoch: string;
  readonly offset: number;
}

/** Cursors of one channel. They outlive its history, so that a device learns of a loss when it comes back. */
export class ChannelCursors {
  /** Estimated memory, in bytes. */
  bytes = CURSORS_BYTES;
  /** Devices of each user, the one that acknowledged last at the end. */
  readonly #users = new Map<string, DeviceCursor[]>();

  find(user: string, device: string): DeviceCursor | undefined {
    return this.#users.get(user)?.find((cursor) => cursor.device === device);
  }

  /** Number of devices of a user that have a cursor. */
  count(user: string): number {
    return this.#users.get(user)?.length ?? 0;
  }

  /** Sets a cursor. Beyond `limit` devices of the user, the one that acknowledged longest ago is dropped. */
  set(user: string, cursor: DeviceCursor, limit: number): void {
    const others = this.#users.get(user) ?? [];
    const kept = [...others.filter(({ device }) => device !== cursor.device), cursor].slice(-limit);
    this.bytes += sizeOf(user, kept) - sizeOf(user, others);
    this.#users.set(user, kept);
  }
}

const sizeOf = (user: string, cursors: readonly DeviceCursor[]): number =>
  cursors.reduce((bytes, { device }) => bytes + CURSOR_BYTES + device.length + user.length, 0);
