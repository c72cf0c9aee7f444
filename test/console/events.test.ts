import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Questions } from "../../src/backplane/backplane.ts";
import { EventReader, EventTails } from "../../src/console/events.ts";
import { TidingsError } from "../../src/protocol/protocol.ts";
import { Hooks } from "../../src/publish/publish.ts";

const connectionOf = (user: string) => ({ id: "c1", user, platform: "web", address: "::1" }) as never; // the fields of an event

it("a node follows eight filters: a ninth is refused, until nobody asks for one of the others", async () => {
  vi.useFakeTimers({ toFake: ["performance", "setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const questions: Questions = new Questions({
    ask: async (text) => new Map([["n1", await questions.asked(text)]]),
  });
  const tails = new EventTails({ node: "n1", hooks: new Hooks(1_000) });
  tails.answer(questions);
  const ask = (text: string, after?: number) =>
    questions.askNode("n1", { kind: "events", filter: { text }, after: { n1: after } });
  for (const text of "abcdefgh") await ask(text);
  await expect(ask("i")).rejects.toMatchObject({ code: "unavailable" });
  // Those who came first keep theirs.
  tails.connected(connectionOf("a"));
  expect(await ask("a", 0)).toMatchObject({ events: [{ kind: "connect", user: "a" }] });
  vi.advanceTimersByTime(4_000);
  await ask("a", 1);
  vi.advanceTimersByTime(1_001);
  expect(await ask("i")).toMatchObject({ events: [] });
});

/** A cluster whose nodes a test silences, and the questions that one of them asks. */
function startNodes(...names: string[]) {
  const nodes = new Map(
    names.map((node) => {
      const questions = new Questions({ ask: () => Promise.reject(new Error("it only answers")) });
      const tails = new EventTails({ node, hooks: new Hooks(1_000) });
      tails.answer(questions);
      return [node, { tails, asked: questions.asked }] as const;
    }),
  );
  const silent = new Set<string>();
  const asked: (string | undefined)[] = [];
  let isAway = false;
  const questions = new Questions({
    async ask(text, { node: only }) {
      asked.push(only);
      if (isAway && only === undefined) throw new TidingsError("unavailable", "there is no Redis");
      const named = [...nodes].filter(([node]) => only === undefined || node === only);
      const answers = named.map(
        async ([node, { asked: answer }]) =>
          [node, silent.has(node) ? undefined : await answer(text)] as const,
      );
      return new Map(await Promise.all(answers));
    },
  });
  const connects = (node: string, user: string): void => nodes.get(node)?.tails.connected(connectionOf(user));
  const leave = (is: boolean): void => {
    isAway = is;
  };
  return { nodes, silent, asked, questions, connects, leave };
}

describe("the events of all nodes", () => {
  const usersOf = ({ events }: { readonly events: readonly { readonly user?: string | undefined }[] }) =>
    events.map(({ user }) => user);

  it("take one question, and are told once", async () => {
    const { questions, asked, connects } = startNodes("n1", "n2");
    const reader = new EventReader(questions, "n1", {});
    expect(await reader.read()).toEqual({ events: [], omitted: 0, silent: [] });
    for (const [node, user] of [
      ["n1", "alice"],
      ["n2", "bob"],
    ] as const)
      connects(node, user);
    expect(usersOf(await reader.read()).sort()).toEqual(["alice", "bob"]);
    expect(usersOf(await reader.read())).toEqual([]);
    expect(asked).toEqual([undefined, undefined, undefined]);
  });

  it("come later from a node that was slow, and not from one that has left", async () => {
    const { questions, nodes, silent, connects } = startNodes("n1", "n2");
    const reader = new EventReader(questions, "n1", {});
    await reader.read();
    silent.add("n2");
    connects("n2", "bob");
    expect(await reader.read()).toEqual({ events: [], omitted: 0, silent: ["n2"] });
    silent.clear();
    expect(usersOf(await reader.read())).toEqual(["bob"]);
    nodes.delete("n2");
    expect(await reader.read()).toEqual({ events: [], omitted: 0, silent: [] });
  });

  it("are those of this node while no other can be asked, and the others count as silent", async () => {
    const { questions, connects, leave } = startNodes("n1", "n2");
    const reader = new EventReader(questions, "n1", {});
    await reader.read();
    leave(true);
    connects("n1", "alice");
    connects("n2", "bob");
    const page = await reader.read();
    expect([usersOf(page), page.silent]).toEqual([["alice"], ["n2"]]);
    leave(false);
    expect(usersOf(await reader.read())).toEqual(["bob"]);
  });
});
