/**
 * Eight clients and a writer who counts, through nginx: shows that no message is lost or duplicated when a node fails.
 *
 *   JWT_SECRET=… npx node clients.ts [ws://127.0.0.1:8080/ws]
 */
import { jwt } from "tidings";
import { connect } from "tidings/client";

interface Events {
  count: { n: number };
}

const URL = process.argv[2] ?? "ws://127.0.0.1:8080/ws";
/** Of this run alone. */
const GROUP = `counting-${crypto.randomUUID()}`;
/** Between two messages. */
const PAUSE_MS = 100;

/** Signs tokens as the nodes do. An application has its server sign them, where the session is known. */
const tokens = jwt({ secret: process.env.JWT_SECRET });

const tokenFor = (user: string) => async (): Promise<string> =>
  (await tokens.mint?.({ user, expiresInSeconds: 3_600, can: { join: [{ group: GROUP }] } })) ?? "";

let isOver = false;

interface Reader {
  readonly close: () => Promise<void>;
  /** The node that it is connected to; undefined while it is not. */
  node: string | undefined;
  reconnects: number;
  /** The last number that it got. */
  last: number;
  /** Numbers that were missing, or came again. */
  mistakes: number;
}

async function startReader(user: string): Promise<Reader> {
  const client = connect<Events>(URL, { token: tokenFor(user) });
  const reader: Reader = {
    close: () => client.close(),
    node: undefined,
    reconnects: -1,
    last: 0,
    mistakes: 0,
  };
  client.on("count", ({ data: { n } }) => {
    // A client that joins late begins with the number of that moment.
    if (reader.last !== 0 && n !== reader.last + 1) reader.mistakes++;
    reader.last = n;
  });
  client.onStatus((status) => {
    if (status.type === "open") {
      reader.node = status.welcome.node;
      reader.reconnects++;
    }
    if (status.type === "closed") reader.node = undefined;
    if (status.type === "closed" && status.willRetry && !isOver) {
      console.log(`${user}: ${status.code} ${status.reason}, again in ${Math.round(status.delayMs ?? 0)} ms`);
    }
    if (status.type === "lost") console.log(`${user}: messages of ${status.channel} are lost`);
    if (status.type === "error") console.log(`${user}:`, status.error);
  });
  await client.join(GROUP);
  return reader;
}

const readers = await Promise.all(Array.from({ length: 8 }, (_, i) => startReader(`reader-${i + 1}`)));
const writer = connect<Events>(URL, { token: tokenFor("writer") });
await writer.join(GROUP);
let sent = 0;

const report = setInterval(() => {
  const on = (node: string): number => readers.filter((reader) => reader.node === node).length;
  const everyone = Math.min(...readers.map(({ last }) => last));
  const sum = (count: (reader: Reader) => number): number =>
    readers.reduce((all, each) => all + count(each), 0);
  console.log(
    `stored ${sent}, everyone has ${everyone}, mistakes ${sum(({ mistakes }) => mistakes)}`,
    `| on a: ${on("a")}, on b: ${on("b")}, reconnects ${sum(({ reconnects }) => reconnects)}`,
  );
}, 1_000);

process.once("SIGINT", async () => {
  isOver = true;
  clearInterval(report);
  await Promise.all([writer.close(), ...readers.map(({ close }) => close())]);
});

while (!isOver) {
  try {
    // Without a connection it waits for one. The key makes every repeat the same message: it is stored once.
    const n = sent + 1;
    await writer.send({ type: "count", group: GROUP, data: { n }, key: `${GROUP}-${n}` });
    sent++;
  } catch (error) {
    if (!isOver) console.log(`writer: ${error}`);
  }
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
