import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Chat, type ChatOptions, createChat } from "../../src/chat/chat.ts";
import type { HubOptions } from "../../src/index.ts";
import { type RunningHub, startHub } from "../support/hub.ts";
import { connectPeer, type Peer } from "../support/peer.ts";

export const SECRET = "a secret of the tests, 32 bytes!";

/** The answer of an operation over HTTP. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into replies of many shapes
  readonly body: any;
  readonly retryAfter: string | null;
}

/** A hub with a chat on each of its nodes. */
export class Scene {
  readonly nodes: readonly { readonly running: RunningHub; readonly chat: Chat }[];
  readonly database: string;
  #turn = 0;

  constructor(nodes: Scene["nodes"], database: string) {
    this.nodes = nodes;
    this.database = database;
  }

  /** Nodes take turns, so that in a cluster each step of a test is on another node than the one before. */
  get running(): RunningHub {
    return (this.nodes[this.#turn++ % this.nodes.length] as Scene["nodes"][number]).running;
  }

  get hub(): RunningHub["hub"] {
    return this.running.hub;
  }

  /** Calls an operation over HTTP. @param user whose token the call brings; undefined for none */
  async call(user: string | undefined, operation: string, body: object = {}): Promise<Answer> {
    const { hub, at } = this.running;
    const token = user === undefined ? undefined : await hub.token({ user });
    return callWith(at.url, token, operation, body);
  }

  /** Calls an operation that has to succeed. */
  async ok(user: string | undefined, operation: string, body: object = {}): Promise<Answer["body"]> {
    const { status, body: reply } = await this.call(user, operation, body);
    if (status !== 200) throw new Error(`${operation}: ${status} ${JSON.stringify(reply)}`);
    return reply;
  }

  /** Calls an operation that has to fail. @returns the code of its error */
  async code(user: string | undefined, operation: string, body: object = {}): Promise<string> {
    const { status, body: reply } = await this.call(user, operation, body);
    if (status === 200) throw new Error(`${operation}: succeeded with ${JSON.stringify(reply)}`);
    return reply.error.code;
  }

  /** A connection of a user. */
  async peer(user: string, platform = "web"): Promise<Peer> {
    const { hub, url } = this.running;
    return connectPeer(url({ token: await hub.token({ user }), platform }));
  }

  /** Makes users known to the chat. */
  async users(...names: string[]): Promise<void> {
    for (const name of names) await this.ok(name, "profile");
  }

  /** Makes two users friends. */
  async friends(one: string, other: string): Promise<void> {
    await this.users(one, other);
    await this.ok(one, "befriend", { user: other });
    await this.ok(other, "befriend", { user: one });
  }

  /** Makes a group with these members, the first of whom owns it. */
  async group(owner: string, ...members: string[]): Promise<string> {
    await this.users(owner, ...members);
    const { group } = await this.ok(owner, "create", { name: "a group", open: true });
    for (const member of members) await this.ok(member, "join", { group });
    return group;
  }
}

export async function callWith(
  url: string,
  token: string | undefined,
  operation: string,
  body: object | string,
): Promise<Answer> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`${url}/chat/${operation}`, { method: "POST", headers, body: text });
  return {
    status: response.status,
    body: await response.json(),
    retryAfter: response.headers.get("retry-after"),
  };
}

export interface SceneOptions {
  readonly database?: string;
  readonly hub?: HubOptions;
  readonly chat?: Omit<ChatOptions, "hub" | "database">;
  readonly nodes?: readonly HubOptions[];
}

/** Starts a scene; it ends with the test. */
export async function startScene({
  database,
  hub = {},
  chat = {},
  nodes = [{}],
}: SceneOptions = {}): Promise<Scene> {
  const target = database ?? `sqlite:${temporaryDirectory()}/chat.db`;
  const started = nodes.map(async (node) => {
    const running = await startHub({ jwt: { secret: SECRET }, ...hub, ...node });
    const made = createChat({ hub: running.hub, database: target, ...chat });
    onTestFinished(() => made.close());
    await made.ready;
    return { running, chat: made };
  });
  return new Scene(await Promise.all(started), target);
}

/** A directory that is removed with the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "tidings-chat-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
