import { expect, it } from "vitest";
import { Questions } from "../../../src/backplane/backplane.ts";
import { BusiestGroups } from "../../../src/gateway/metrics/busiest.ts";
import { answerBrowsing, findUsers } from "../../../src/gateway/nodes/browse.ts";
import type { Local } from "../../../src/local/local.ts";

/** Questions of a cluster whose nodes all have these connections. */
function nodesWith(connections: readonly { readonly user: string; readonly platform: string }[]): Questions {
  const nodes = ["n1", "n2"].map((node) => {
    const questions = new Questions({ ask: () => Promise.reject(new Error("it only answers")) });
    const here = connections.map(({ user, platform }) => ({ user, platform: `${node}${platform}` }));
    const local = {
      connections: () => here,
      connectionsOf: (user: string) => here.filter((each) => each.user === user),
    } as unknown as Local; // the part that a page of users needs
    answerBrowsing(questions, local, { busiest: new BusiestGroups() });
    return [node, questions] as const;
  });
  return new Questions({
    ask: async (text) =>
      new Map(
        await Promise.all(
          nodes.map(async ([node, { asked }]) => [node, await asked(text)] as [string, string]),
        ),
      ),
  });
}

it("a page of users has few platforms of each, so that clients cannot make it longer than an answer may be", async () => {
  const users = Array.from(
    { length: 101 },
    (_, number) => `${String(number).padStart(3, "0")}${"漢".repeat(252)}`,
  );
  const connections = users.flatMap((user) =>
    Array.from({ length: 8 }, (_, number) => ({ user, platform: `${number}${"漢".repeat(250)}` })),
  );
  const { entries, next, silent } = await findUsers(nodesWith(connections), {
    prefix: "",
    after: "",
    limit: 100,
  });
  expect(silent).toEqual([]);
  expect({ entries: entries.length, next }).toEqual({ entries: 100, next: users[99] });
  expect(entries[0]?.connections).toBe(16);
  expect(entries[0]?.platforms).toEqual(["n10", "n11", "n12", "n13"].map((begin) => begin + "漢".repeat(61)));
});
