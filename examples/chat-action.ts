/**
 * A chat room with rules: clients do not write to the room themselves, they ask for the action `chat.say`, and what
 * the application answers and sends is up to it. Shows schemas, middleware, the policy, and hooks.
 *
 *   node chat-action.ts
 *
 * Then, over a WebSocket to ws://127.0.0.1:8080/ws?user_id=alice:
 *
 *   {"id":1,"action":"group.join","data":{"group":"lobby"}}
 *   {"id":2,"action":"chat.say","data":{"room":"lobby","text":"Hello"}}
 *   {"id":3,"action":"chat.tell","data":{"users":["bob","carol"],"text":"Hello, both"}}
 */
import { createHub, defaultPolicy, refuse, TidingsError } from "tidings";
import { z } from "zod";

/** Messages by type, declared once: `send` is checked against them here, `on` in the client. */
interface Events {
  chat: { text: string };
  arrived: { user: string };
}

const BANNED = new Set(["mallory"]);

const hub = createHub<Events>();

// Action: a name, a schema (any Standard Schema; here zod), a handler. Its result is the reply, its exception the
// error. Its input has the schema's type: other input is rejected before the handler runs.
const Say = z.object({ room: z.string(), text: z.string().trim().min(1).max(500) });

hub.action("chat.say", Say, async ({ user }, { room, text }) => {
  if (!(await hub.presence.hasJoined(room, user))) {
    throw new TidingsError("forbidden", `join ${room} before you speak there`);
  }
  const { offset } = await hub.group(room).send({ type: "chat", data: { text }, from: user });
  return { offset };
});

// One message for each of several users, on whatever node they are: encoded once, one receipt for each.
const Tell = z.object({
  users: z.array(z.string().min(1)).min(1).max(50),
  text: z.string().trim().min(1).max(500),
});

hub.action("chat.tell", Tell, async ({ user }, { users, text }) => {
  const receipts = await hub.users(users).send({ type: "chat", data: { text }, from: user });
  return { states: receipts.map(({ state }) => state) };
});

// Middleware wraps every action, the built-in ones too, and every message.
hub.use(async ({ action, user }, next) => {
  const started = performance.now();
  try {
    return await next();
  } finally {
    console.log(`${user} ${action} ${(performance.now() - started).toFixed(1)} ms`);
  }
});

// Policy: who may join, send to, read and see what. Rooms that begin with "_" are the application's own.
hub.authorize((request) => {
  const { verb, channel } = request;
  if (channel.startsWith("group:_")) return false;
  // Nobody writes anywhere but by actions. Everything else is as without a policy.
  return verb !== "send" && defaultPolicy(request);
});

// Hooks: every stage of the hub's work. Those that may refuse do so by throwing.
hub.on("connect", ({ connection }) => {
  if (BANNED.has(connection.user)) throw refuse("you are not welcome here");
});

hub.on("online", ({ user }) => hub.broadcast({ type: "arrived", data: { user }, ephemeral: true }));

hub.on("disconnect", ({ connection, cause, code }) => {
  console.log(`${connection.user} is gone: ${cause} (${code})`);
});

hub.on("error", ({ stage, error }) => console.error(stage, error));

process.once("SIGTERM", () => hub.close());

const { url } = await hub.listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`listening on ${url}`);
