/** A storm of writes, until it is killed: `node program.ts <directory>`. Prints each receipt on a line, after it has it. */
import { writeSync } from "node:fs";
import { type Message, sqliteBackplane } from "../../../../src/backplane/backplane.ts";

const CHANNELS = ["all", "user:a", "user:b", "group:c"] as const;

const directory = process.argv[2] ?? "";
const backplane = sqliteBackplane({
  directory,
  history: { count: 1e9, ageMs: 3_600_000, channelBytes: 1e12 },
});
const ignore = (): void => undefined;
await backplane.start(
  { id: "n1", ip: "127.0.0.1", port: 8080, connections: () => 0 },
  {
    deliver: () => ({ connections: 0, dropped: 0 }),
    command: async () => 0,
    asked: async () => "",
    ...{ acknowledged: ignore, lost: ignore, presence: ignore, presenceMissed: ignore },
    ...{ room: ignore, occupied: ignore, adjusted: ignore, report: ignore },
  },
);

let count = 0;
const run = `${process.pid}`;

async function publish(): Promise<void> {
  const channel = CHANNELS[count % CHANNELS.length] ?? "all";
  const id = `${run}-${count++}`;
  const body = JSON.stringify("x".repeat(count % 50 === 0 ? 20_000 : 200));
  const message: Message = { id, type: "storm", body, timestamp: Date.now(), channel };
  const { offset, epoch } = await backplane.broker.append(message);
  print(`${channel} ${epoch} ${offset} ${id}\n`);
}

/** Prints at once. A full pipe is tried again: the text must be out before anything else happens. */
function print(text: string): void {
  for (;;) {
    try {
      writeSync(1, text);
      return;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
    }
  }
}

print("started\n");
for (;;) {
  await Promise.all(Array.from({ length: CHANNELS.length + (count % 40) }, publish));
  await backplane.cursors.move("a", "phone", "user:a", { offset: 1 });
}
