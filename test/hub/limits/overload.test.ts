import { expect, it, onTestFinished, vi } from "vitest";
import { call } from "../../gateway/http/call.ts";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer, type Frame, Peer } from "../../support/peer.ts";
import { metricsOf } from "./scrape.ts";

/** Real time between two looks of the hub at its load, which are a second apart by its timer. */
const SAMPLE_MS = 250;

/** Keeps the event loop of this process, and so the hub in it, busy for nine tenths of the time. */
function holdLoop(every: typeof setInterval): void {
  const timer = every(() => {
    const until = performance.now() + 90;
    while (performance.now() < until);
  }, 100);
  onTestFinished(() => clearTimeout(timer));
}

/** Lets the intervals of a hub wait for the test. @returns a function that lets a second pass for them, if it is time for that */
function holdIntervals(): () => void {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  let sampledAt = performance.now();
  return () => {
    if (performance.now() - sampledAt < SAMPLE_MS) return;
    sampledAt = performance.now();
    vi.advanceTimersByTime(1_000);
  };
}

it("a node whose event loop is held at 90 % sheds in order, says so, and loses nothing stored", async () => {
  const every = setInterval;
  const pass = holdIntervals();
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
  /** Each state that was seen, in order: the status of /ready, and what was refused. */
  const steps = new Set<string>();
  const look = async (): Promise<boolean> => {
    pass();
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
  holdLoop(every);
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
