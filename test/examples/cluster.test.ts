import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Observed } from "../client/harness.ts";
import { Cluster, clientAt } from "./cluster.ts";

/** Of different networks, because `ip_hash` takes all of 127.0.0.x for one. */
const ADDRESSES = ["127.0.1.1", "127.0.2.1", "127.0.3.1", "127.0.4.1", "127.0.5.1", "127.0.6.1"];

const GROUP = "news";

/** RFC 6455 section 7.4.1: the connection was cut. */
const CUT = 1006;

const DRAIN = 4000;

const endingsOf = (member: Observed): number[] => member.all("closed").map(({ code }) => code);

const nodeOf = (member: Observed): string | undefined => member.all("open").at(-1)?.welcome.node;

describe.each(["ip-hash", "least-conn"])("examples/cluster with %s", (balance) => {
  it("carries every stored message once and in order to every client, while both nodes are restarted", async () => {
    const cluster = new Cluster(balance);
    const url = await cluster.where("WebSocket");
    const members = await Promise.all(ADDRESSES.map((address) => clientAt(address, url)));
    await Promise.all(members.map(({ client }) => client.join(GROUP)));
    expect(new Set(members.map(nodeOf))).toEqual(new Set(["a", "b"]));

    const writer = await startWriter(url);
    await writer.sends(20);
    const onA = members.filter((member) => nodeOf(member) === "a");
    await cluster.restart("a", "SIGTERM");
    await writer.sends(20);
    const onB = members.filter((member) => nodeOf(member) === "b");
    await cluster.restart("b", "SIGKILL");
    await writer.sends(20);
    const last = await writer.stop();

    const all = Array.from({ length: last }, (_, n) => n + 1);
    for (const member of members) {
      await member.until(() => member.received.includes(last));
      expect(member.received).toEqual(all);
      expect(member.all("lost")).toEqual([]);
      // Once for each node that it was on: nginx has found the other one at the first attempt.
      expect(endingsOf(member).length).toBeLessThanOrEqual(2);
    }
    for (const member of onA) expect(endingsOf(member)).toContain(DRAIN);
    for (const member of onB) expect(endingsOf(member)).toContain(CUT);
  });
});

interface Writer {
  /** Waits for so many more messages. */
  sends(count: number): Promise<void>;
  /** @returns the last number */
  stop(): Promise<number>;
}

/** Sends the numbers from 1 on to the group, each when the one before it is stored. */
async function startWriter(url: string): Promise<Writer> {
  const { client } = await clientAt("127.0.7.1", url);
  await client.join(GROUP);
  let sent = 0;
  let isStopped = false;
  const watchers = new Set<() => void>();
  const work = async (): Promise<void> => {
    while (!isStopped) {
      await client.send({ type: "number", group: GROUP, data: sent + 1 });
      sent++;
      for (const look of watchers) look();
    }
  };
  const over = work();
  return {
    async sends(count) {
      const wanted = sent + count;
      const enough = new Promise<void>((resolve) => {
        watchers.add(() => sent >= wanted && resolve());
      });
      await Promise.race([enough, over]);
    },
    async stop() {
      isStopped = true;
      await over;
      return sent;
    },
  };
}

describe("examples/cluster/start.ts", () => {
  it("ties the nodes together: an ack on one of them reaches the sender on the other, with TLS or without", async () => {
    const cluster = new Cluster("least-conn");
    const alice = await clientAt("127.0.0.1", await cluster.where("WebSocket"));
    const bob = await clientAt("127.0.0.2", await cluster.where("with TLS"));
    expect(new Set([nodeOf(alice), nodeOf(bob)])).toEqual(new Set(["a", "b"]));
    const greeting = { type: "greeting", to: "127.0.0.2", data: "Hello" };
    const receipt = await alice.client.send({ ...greeting, ack: true, timeoutMs: 60_000 });
    expect(receipt).toMatchObject({ state: "acked" });
    expect(bob.received).toEqual(["Hello"]);
  });

  it("stops every process that it started, and leaves no files behind", async () => {
    const cluster = new Cluster("ip-hash");
    const urls = await Promise.all([
      cluster.where("ready"),
      cluster.where("node a"),
      cluster.where("node b"),
    ]);
    const files = await cluster.where("files");
    for (const url of urls) expect((await fetch(new URL("/ready", url))).status).toBe(200);
    expect(await cluster.stop()).toBe(0);
    for (const url of urls) await expect(fetch(url)).rejects.toThrow("fetch failed");
    expect(existsSync(files)).toBe(false);
  });

  it("stops with an error message when it cannot start", async () => {
    const { program } = new Cluster("round-robin");
    expect(await program.ended).toBe(1);
    expect(program.output).toContain("error: expected ip-hash or least-conn, not round-robin");
  });
});
