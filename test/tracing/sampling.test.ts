import { AlwaysOffSampler } from "@opentelemetry/sdk-trace-node";
import { expect, it } from "vitest";
import { startHub } from "../support/hub.ts";
import { connectPeer } from "../support/peer.ts";
import { registerSpans } from "./spans.ts";

const spans = registerSpans(new AlwaysOffSampler());

it("a message that is not sampled is delivered, and carries nothing", async () => {
  const { hub, url } = await startHub({ tracing: true });
  const traces: unknown[] = [];
  hub.on("delivered", ({ message }) => traces.push("trace" in message && message.trace));
  const bob = await connectPeer(url({ user_id: "bob" }));
  expect(await hub.user("bob").send({ type: "stored" })).toMatchObject({ state: "delivered" });
  expect(await hub.users(["bob"]).send({ type: "passing", ephemeral: true })).toMatchObject([
    { state: "delivered" },
  ]);
  await bob.frame("passing");
  expect(traces).toEqual([undefined, undefined]);
  expect(spans.all).toEqual([]);
});
