import { describe, expect, it } from "vitest";
import { builtinActions, Router } from "../../src/actions/actions.ts";
import { createHub, type TidingsError } from "../../src/index.ts";
import { CLOSE, ERROR_CODES, RESERVED_TYPES, shouldReconnect } from "../../src/protocol/protocol.ts";
import { startHub } from "../support/hub.ts";
import { connectPeer } from "../support/peer.ts";
import { codesIn, readPage, tableAfter } from "./markdown.ts";

const page = readPage("docs/PROTOCOL.md");

describe("docs/PROTOCOL.md", () => {
  it("lists the error codes, and which of them can be retried", () => {
    const documented = tableAfter(page, "## Errors: the connection stays").map(([code = "", retry = ""]) => [
      code.replaceAll("`", ""),
      retry === "yes",
    ]);
    const real = Object.entries(ERROR_CODES).map(([code, { retryable }]) => [code, retryable]);
    expect(new Map(documented as [string, boolean][])).toEqual(new Map(real as [string, boolean][]));
  });

  it("lists the close codes", () => {
    const rows = tableAfter(page, "## Close codes: the connection ends");
    const documented = rows.filter(([, name]) => name !== "").map(([code, name]) => [Number(code), name]);
    const real = Object.entries(CLOSE).map(([cause, { code }]) => [code, cause]);
    expect(documented).toEqual(real);
  });

  it("says after which codes a client reconnects", () => {
    const [, codes = ""] = /After ([\d, or]+) a client SHOULD NOT reconnect/.exec(page.text) ?? [];
    const final = [...codes.matchAll(/\d+/g)].map(Number);
    const standard = Array.from({ length: 15 }, (_, index) => 1000 + index);
    expect(standard.filter((code) => !shouldReconnect(code))).toEqual(final);
    for (const { code } of Object.values(CLOSE)) expect(shouldReconnect(code)).toBe(code < 4500);
  });

  it("names the message types that are the protocol's own", () => {
    const row = tableAfter(page, "### Message").find(([field]) => field === "`type`");
    expect(new Set(codesIn(row?.[1]))).toEqual(RESERVED_TYPES);
  });

  it("names the defaults that apply", () => {
    const { config } = createHub({ logLevel: "silent" });
    const { websocket, publish, presence } = config;
    const seconds = (ms: number): string => `${ms / 1_000} s`;
    const facts = [
      `deadline (${seconds(websocket.loginTimeoutMs)} by default, close code 4003)`,
      `timeout (${websocket.connectionTimeout} s by default) is closed with 4002`,
      `"heartbeatMs":${websocket.heartbeatInterval * 1_000}`,
      `"messageBytes":${websocket.maxMessageSize}`,
      `\`timeoutMs\` (default ${publish.ackTimeoutMs.toLocaleString("en")}, at most 60,000)`,
      `window (${publish.idempotencyWindowMs / 60_000} minutes by default)`,
      `grace time (${seconds(presence.graceMs)} by default)`,
      `message over ${websocket.maxMessageSize / 1_024} KiB (by default)`,
    ];
    expect(facts.filter((fact) => !page.text.includes(fact))).toEqual([]);
  });
});

describe("the built-in actions of docs/PROTOCOL.md", () => {
  const documented = tableAfter(page, "### Built-in actions").map(([name = ""]) => name.replaceAll("`", ""));

  it.each(documented)("exist: %s", async (action) => {
    const { url } = await startHub();
    const alice = await connectPeer(url({ user_id: "alice" }));
    const { error } = (await alice.request(action, null)) as { error?: TidingsError };
    expect(error?.code).not.toBe("unknown_action");
  });

  it("are documented without exception", () => {
    const registered: string[] = [];
    class Recorder extends Router {
      override action(name: string): void {
        registered.push(name);
      }
    }
    const ports: Partial<Parameters<typeof builtinActions>[0]> = { router: new Recorder(0) };
    builtinActions(ports as Parameters<typeof builtinActions>[0]); // registering looks at nothing but the router
    // `message.send` is another way to write a message, and no action of the router.
    expect(documented.toSorted()).toEqual([...registered, "message.send"].sort());
  });
});
