import type { DialectName } from "./api.ts";

/** A row of the results: a server under test, and how its messages are published. */
export interface ContenderInfo {
  /** The name in results and targets. */
  name: ContenderName;
  /** The name on the chart and in the tables. */
  title: string;
  /** Its program, in servers/. */
  program: string;
  runtime: "node" | "bun";
  dialect: DialectName;
  stored: boolean;
}

export type ContenderName = "tidings" | "tidings-stored" | "ws-loop" | "socketio" | "bun";

const node = { runtime: "node", dialect: "plain", stored: false } as const;

export const CONTENDERS: readonly ContenderInfo[] = [
  { ...node, name: "tidings", title: "Tidings, ephemeral", program: "tidings.ts", dialect: "tidings" },
  {
    ...node,
    name: "tidings-stored",
    title: "Tidings, stored",
    program: "tidings.ts",
    dialect: "tidings",
    stored: true,
  },
  { ...node, name: "ws-loop", title: "ws, send in a loop", program: "ws-loop.ts" },
  { ...node, name: "socketio", title: "Socket.IO", program: "socketio.ts", dialect: "socketio" },
  { ...node, name: "bun", title: "Bun, native publish", program: "bun.ts", runtime: "bun" },
];
