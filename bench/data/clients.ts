/** The clients of the bench of logins: `node clients.ts <port> <users> <messages of each>`. Sends the time until all had their messages, and its processor time, both in milliseconds. */
import { Connection, DIALECTS } from "../rig/rig.ts";

const [port = 0, users = 0, each = 0] = process.argv.slice(2).map(Number);

/** Clients that log in at the same time. */
const AT_ONCE = 50;

/** Frames besides the messages: the welcome, and the positions of two channels. */
const OTHERS = 3;

/** From the handshake on, every frame is counted and none is read: the server is measured, not its clients. */
const dialect = { ...DIALECTS.tidings, *preamble(): ReturnType<typeof DIALECTS.tidings.preamble> {} };

/** Logs in, and leaves when all messages have come. */
async function logIn(user: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const connection = await Connection.open(
    { port, user, dialect },
    {
      arrived(one, messages) {
        one.received += messages;
        if (one.received >= each + OTHERS) resolve();
      },
      message: () => undefined,
      fault: (_, reason) => reject(new Error(`${user}: ${reason}`)),
    },
  );
  connection.reading = false;
  await promise;
  connection.close();
}

let next = 0;
async function work(): Promise<void> {
  while (next < users) await logIn(`u${next++}`);
}

const start = performance.now();
await Promise.all(Array.from({ length: AT_ONCE }, work));
const { user, system } = process.cpuUsage();
process.send?.([performance.now() - start, (user + system) / 1_000]);
