import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";

/** An attack of one hostile user, against all nodes, until its process is ended. */
export interface Attack {
  readonly name: string;
  readonly title: string;
  run(urls: readonly string[]): Promise<void>;
}

const GROUP = "eve";
const TEXT = "x".repeat(400_000);
/** Messages that eve stores first: more than a channel keeps. */
const STORED = 48;

const frame = (id: number, action: string, data: unknown): string => JSON.stringify({ id, action, data });

async function open(url: string, user = "eve"): Promise<WebSocket> {
  const socket = new WebSocket(`${url}?user_id=${user}`);
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("open", resolve).once("close", resolve));
  return socket;
}

/** Sends a request, and resolves with the text of the answer. */
function ask(socket: WebSocket, id: number, action: string, data: unknown): Promise<string> {
  const answer = Promise.withResolvers<string>();
  const onMessage = (bytes: unknown): void => {
    const text = String(bytes);
    if (!text.startsWith(`{"id":${id},`)) return;
    socket.off("message", onMessage);
    answer.resolve(text);
  };
  socket.on("message", onMessage);
  socket.send(frame(id, action, data));
  return answer.promise;
}

/** Fills the history of a group with large messages. @returns its epoch */
async function store(url: string): Promise<string> {
  const socket = await open(url);
  await ask(socket, 1, "group.join", { group: GROUP });
  for (let id = 2; id < STORED + 2; id++) {
    await ask(socket, id, "message.send", { group: GROUP, type: "n", data: TEXT });
  }
  const page = await ask(socket, STORED + 2, "message.history", { group: GROUP, limit: 1 });
  socket.close();
  return JSON.parse(page).data.epoch;
}

/** Keeps a number of requests in flight on one connection of each node. */
async function repeat(
  urls: readonly string[],
  inFlight: number,
  action: string,
  data: unknown,
): Promise<void> {
  for (const url of urls) {
    const socket = await open(url);
    let next = 1;
    const lane = async (): Promise<void> => {
      for (;;) await ask(socket, next++, action, data);
    };
    await ask(socket, next++, "group.join", { group: GROUP });
    for (let count = 0; count < inFlight; count++) void lane();
  }
}

export const ATTACKS: readonly Attack[] = [
  {
    name: "history",
    title: "asks for pages of a history of 16 MiB, 32 at a time on each node",
    async run(urls) {
      await store(urls[0] ?? "");
      await repeat(urls, 32, "message.history", { group: GROUP, limit: 200 });
    },
  },
  {
    name: "resume",
    title: "resumes that history from its beginning, 32 times at once on each node",
    async run(urls) {
      const epoch = await store(urls[0] ?? "");
      await repeat(urls, 32, "message.resume", { channel: `group:${GROUP}`, epoch, offset: 0 });
    },
  },
  {
    name: "unread",
    title: "40 connections ask for that history, and never read",
    async run(urls) {
      await store(urls[0] ?? "");
      for (let index = 0; index < 40; index++) {
        const socket = await open(urls[index % urls.length] ?? "");
        socket.pause();
        for (let id = 1; id <= 200; id++)
          socket.send(frame(id, "message.history", { group: GROUP, limit: 200 }));
        await sleep(20);
      }
    },
  },
];
