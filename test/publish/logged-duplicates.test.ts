import { describe, expect, it } from "vitest";
import type { Appended, Broker, Message, StoredMessage } from "../../src/backplane/backplane.ts";
import { LoggedDuplicates } from "../../src/publish/idempotency/logged-duplicates.ts";
import type { PublishLog } from "../../src/publish/publish.ts";
import { eventually } from "../support/eventually.ts";

const FIRST: StoredMessage = {
  ...{ id: "first", type: "chat", body: '"as it was stored"', timestamp: 1, channel: "user:bob" },
  ...{ offset: 7, epoch: "e" },
};

const duplicate = (id: string): Message => ({ ...FIRST, id, body: '"other data"' });

/** The answer to a duplicate whose first publish has no receipt. */
const ANSWER: Appended = {
  ...{ id: "first", timestamp: 1, epoch: "e", offset: 7, nodes: 0, duplicate: true },
  here: { connections: 0, dropped: 0 },
};

function open() {
  const logged: unknown[] = [];
  const log: PublishLog = {
    stored: ({ id, body }, { state, offset }) => void logged.push([id, body, state, offset]),
    failed: () => undefined,
    changed: () => undefined,
  };
  const reads: unknown[] = [];
  const broker: Pick<Broker, "history"> = {
    async history(channel, query) {
      reads.push([channel, query]);
      return { epoch: "e", first: 1, last: 7, messages: [FIRST] };
    },
  };
  return { duplicates: new LoggedDuplicates(log, broker), logged, reads };
}

describe("a duplicate whose first publish has lost its confirmation", () => {
  it("logs the first message, as the history has it", async () => {
    const { duplicates, logged, reads } = open();
    const message = duplicate("second");
    duplicates.begin(message);
    duplicates.found(message, ANSWER);
    duplicates.end(message);
    await eventually("it is logged", () => logged.length > 0);
    expect(logged).toEqual([["first", '"as it was stored"', "stored", 7]]);
    expect(reads).toEqual([["user:bob", { after: 6, limit: 1 }]]);
  });

  it("logs it in a retry too, whose attempts are one message", async () => {
    const { duplicates, logged } = open();
    const message = duplicate("first");
    duplicates.begin(message);
    duplicates.found(message, ANSWER);
    await eventually("it is logged", () => logged.length > 0);
  });

  it("logs nothing while the first is under way here, and nothing for a duplicate with a receipt", async () => {
    const { duplicates, reads } = open();
    duplicates.begin(FIRST);
    duplicates.found(duplicate("second"), ANSWER);
    duplicates.end(FIRST);
    duplicates.found(duplicate("second"), { ...ANSWER, receipt: "{}" });
    duplicates.found(duplicate("second"), { ...ANSWER, offset: 0 }); // the first one was ephemeral
    expect(reads).toEqual([]);
  });
});
