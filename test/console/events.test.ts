import { expect, it, onTestFinished, vi } from "vitest";
import { Questions } from "../../src/backplane/backplane.ts";
import { EventTails } from "../../src/console/events.ts";
import { Hooks } from "../../src/publish/publish.ts";

it("a node follows eight filters: a ninth is refused, until nobody asks for one of the others", async () => {
  vi.useFakeTimers({ toFake: ["performance", "setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const questions: Questions = new Questions({
    ask: async (text) => new Map([["n1", await questions.asked(text)]]),
  });
  const tails = new EventTails({ node: "n1", hooks: new Hooks(1_000) });
  tails.answer(questions);
  const ask = (text: string, after?: number) =>
    questions.askNode("n1", { kind: "events", filter: { text }, after });
  for (const text of "abcdefgh") await ask(text);
  await expect(ask("i")).rejects.toMatchObject({ code: "unavailable" });
  // Those who came first keep theirs.
  tails.connected({ id: "c1", user: "a", platform: "web", address: "::1" } as never); // the fields of an event
  expect(await ask("a", 0)).toMatchObject({ events: [{ kind: "connect", user: "a" }] });
  vi.advanceTimersByTime(4_000);
  await ask("a", 1);
  vi.advanceTimersByTime(1_001);
  expect(await ask("i")).toMatchObject({ events: [] });
});
