import {
  type Backplane,
  type BackplaneSink,
  type Message,
  sqliteBackplane,
} from "../../src/backplane/backplane.ts";

const ignore = (): void => undefined;

/** Delivers to nobody: the file is measured. */
const NOBODY: BackplaneSink = {
  deliver: () => ({ connections: 0, dropped: 0 }),
  command: async () => 0,
  asked: async () => "",
  ...{ acknowledged: ignore, lost: ignore, presence: ignore, presenceMissed: ignore },
  ...{ room: ignore, occupied: ignore, adjusted: ignore, report: ignore },
};

export const BODY = JSON.stringify({ text: "x".repeat(180) });

export async function openStore(directory: string): Promise<Backplane> {
  const backplane = sqliteBackplane({ directory, history: { count: 1_000, ageMs: 604_800_000 } });
  await backplane.start({ id: "n1", ip: "127.0.0.1", port: 8080, connections: () => 0 }, NOBODY);
  return backplane;
}

/** The message with a number, to one of so many users. */
export const messageOf = (number: number, users: number): Message => ({
  id: `m${number.toString(36).padStart(12, "0")}`,
  type: "chat",
  body: BODY,
  timestamp: Date.now(),
  from: "alice",
  channel: `user:u${number % users}`,
});
