import type { Peer } from "../../support/peer.ts";
import type { Scene, SceneOptions } from "../scene.ts";

/** Starts a scene on the databases and nodes of a suite. */
export type Start = (options?: Pick<SceneOptions, "chat" | "hub">) => Promise<Scene>;

/** Texts that a peer has got. */
export const texts = (peer: Peer): unknown[] =>
  peer.messages.filter(({ type }) => type === "chat").map(({ data }) => (data as { text: string }).text);
