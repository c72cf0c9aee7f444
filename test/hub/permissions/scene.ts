import { onTestFinished } from "vitest";
import { type GrantsInput, type Hub, type HubOptions, jwt } from "../../../src/index.ts";
import { startHub } from "../../support/hub.ts";
import { SECRET } from "../../support/keys.ts";
import { connectPeer, Peer } from "../../support/peer.ts";

const tokens = jwt({ secret: SECRET });

export const tokenOf = async (user: string, can?: GrantsInput): Promise<string> =>
  (await tokens.mint?.({ user, can, expiresInSeconds: 600 })) ?? "";

/** A hub with a secret, and its clients. */
export interface Scene {
  readonly hub: Hub<Record<string, unknown>>;
  /** A client with a token that permits this. */
  connect(user: string, can?: GrantsInput): Promise<Peer>;
}

export async function startPrivate(options: HubOptions = {}): Promise<Scene> {
  const { hub, url } = await startHub({ jwt: { secret: SECRET }, ...options });
  return { hub, connect: async (user, can) => connectPeer(url({ token: await tokenOf(user, can) })) };
}

let lastId = 0;

/** Sends a message, and resolves with its receipt or error. */
export function send(peer: Peer, to: { to?: string; group?: string }): Promise<Record<string, unknown>> {
  const id = ++lastId;
  peer.send({ id, type: "chat", data: 1, ...to });
  return peer.next((frame) => frame.id === id && frame.type === undefined);
}

/** Waits for the answer to a request: `yes`, or `no` when it is forbidden. */
export async function answerOf(request: Promise<Record<string, unknown>>): Promise<"yes" | "no"> {
  const { error } = (await request) as { error?: { code: string; message: string } };
  if (error === undefined) return "yes";
  if (error.code !== "forbidden") throw new Error(`${error.code}: ${error.message}`);
  return "no";
}

/** A visitor: logs in without a token. */
export async function visit(url: string): Promise<Peer> {
  const peer = new Peer(url);
  onTestFinished(() => peer.end());
  peer.socket.on("open", () => peer.send({ id: 0, action: "robot.login" }));
  await peer.frame("welcome");
  return peer;
}
