import { expect, it, onTestFinished } from "vitest";
import { call } from "../../gateway/http/call.ts";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer, type Frame, Peer } from "../../support/peer.ts";
import { metricsOf } from "./scrape.ts";

/** Keeps the event loop of this process, and so the hub in it, busy for nine tenths of the time. */
function holdLoop(): void {
  const timer = setInterval(() => {
    const until = performance.now() + 90;
    while (performance.now() < until);
  }, 100);
  onTestFinished(() => clearInterval(timer));
}

it("a node whose event loop is held at 90 % sheds in order, says so, and loses nothing stored", async () => {
  const running = await startHub({ overload: { loopPercent: 85 } });
  const { hub, url } = running;
  const peer = await connectPeer(url({ user_id: "a" }));
  let id = 0;
  const send = async (ephemeral: boolean): Promise<Frame> => {
    peer.send({ id: ++id, type: "n", to: "bob", ephemeral, data: id });
    const mine = id;
    return peer.next((frame) => frame.id === mine);
  };
  const stored: unknown[] = [];
  const store = async (): Promise<void> => {
    const { data } = await send(false);
    expect(data).toMatchObject({ offset: stored.length + 1 });
    stored.push(id);
  };
  /** What is refused now: of what is tried in this order, at each step before the next. */
  const steps = new Set<string>();
  const look = async (): Promise<boolean> => {
    await store();
    const { error } = await send(true);
    const { status, body } = await call(running, "/ready");
    const degraded = (body.degraded as { what: string; why: string }[]).find(
      ({ what }) => what === "overload",
    );
    const isEphemeral = (error as { code?: string } | undefined)?.code === "unavailable";
    steps.add(`${status}${degraded === undefined ? "" : " degraded"}${isEphemeral ? " ephemeral" : ""}`);
    return isEphemeral && status === 503;
  };
  holdLoop();
  await eventually("ephemeral messages are refused", look);
  expect([...steps]).toEqual(["200", "200 degraded", "503 degraded", "503 degraded ephemeral"]);
  expect(await Peer.refusal(url({ user_id: "b" }))).toBe(503);
  await store();
  const { messages } = await hub.history("user:bob", { limit: 1_000 });
  expect(messages.map(({ data }) => data)).toEqual(stored);
  const { shed } = await metricsOf(running);
  expect(shed.connections).toBe(1);
  expect(shed.ephemeral).toBeGreaterThan(0);
  const { text } = await call(running, "/metrics");
  expect(text).toContain('tidings_degraded{what="overload"} 1');
});
