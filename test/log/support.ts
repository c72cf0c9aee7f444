import type { LogRecord, MessageSink, OutcomeRecord, StoredRecord } from "../../src/log/log.ts";

/** A sink in memory, which can fail and refuse. */
export class MemorySink implements MessageSink {
  readonly records: LogRecord[] = [];
  /** Number of records of each write that was tried. */
  readonly writes: number[] = [];
  /** Called before a write; its rejection fails the write. */
  before: () => Promise<void> = async () => undefined;
  /** Tells whether a record can never be stored. */
  isBad: (record: LogRecord) => boolean = () => false;

  async write(
    records: readonly LogRecord[],
    refuse: (record: LogRecord, reason: string) => void,
  ): Promise<void> {
    this.writes.push(records.length);
    await this.before();
    for (const record of records) {
      if (this.isBad(record)) refuse(record, "bad");
      else this.records.push(record);
    }
  }

  get stored(): StoredRecord[] {
    return this.records.filter((record) => record.kind === "stored");
  }

  outcomes<Kind extends OutcomeRecord["kind"]>(kind: Kind): Extract<OutcomeRecord, { kind: Kind }>[] {
    return this.records.filter((record) => record.kind === kind) as Extract<OutcomeRecord, { kind: Kind }>[];
  }
}

/** A record of a stored message. */
export const storedOf = (id: string, fields: Partial<StoredRecord> = {}): StoredRecord => ({
  ...{ kind: "stored", id, timestamp: 1_000, node: "n1", channel: "user:bob", from: "alice", type: "chat" },
  ...{ data: '"Hello"', epoch: "e", offset: 1, state: "stored", connections: 0, nodes: 0 },
  ...fields,
});
