import { expect, it } from "vitest";
import { Questions } from "../../../src/backplane/backplane.ts";
import { BusiestGroups } from "../../../src/gateway/metrics/busiest.ts";
import { answerBrowsing, findGroups, findUsers } from "../../../src/gateway/nodes/browse.ts";
import type { Local } from "../../../src/local/local.ts";

/** Questions of a cluster whose nodes all have these connections. */
const nodesWith = (connections: readonly { readonly user: string; readonly platform: string }[]): Questions =>
  clusterOf((node, questions) => {
    const here = connections.map(({ user, platform }) => ({ user, platform: `${node}${platform}` }));
    const local = {
      connections: () => here,
      connectionsOf: (user: string) => here.filter((each) => each.user === user),
    } as unknown as Local; // the part that a page of users needs
    answerBrowsing(questions, local, { busiest: new BusiestGroups() });
  });

/** Questions of a cluster of two nodes. */
function clusterOf(answer: (node: string, questions: Questions) => void): Questions {
  const nodes = ["n1", "n2"].map((node) => {
    const questions = new Questions({ ask: () => Promise.reject(new Error("it only answers")) });
    answer(node, questions);
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

it("a rate of a group is null where no node counts it, never 0", async () => {
  const groups = ["busy", "quiet", "rare"];
  const questions = clusterOf((node, asked) => {
    const busiest = new BusiestGroups();
    const add = (times: number, group: string): void => {
      for (let count = 0; count < times; count++) busiest.add(`group:${group}`, 1);
    };
    // The first node has more groups than it counts; the second one counts all of its groups.
    for (let number = 0; node === "n1" && number < 511; number++) add(2, `other-${number}`);
    add(3, "busy");
    if (node === "n1") add(1, "one more");
    const names = node === "n1" ? groups : ["busy", "quiet"];
    const local = { groupNames: () => names, countMembers: () => 1 } as unknown as Local; // the part that a page of groups needs
    answerBrowsing(asked, local, { busiest });
  });
  const { entries } = await findGroups(questions, { prefix: "", after: "", limit: 10 });
  const [busy, quiet, rare] = entries;
  expect(busy).toMatchObject({ connections: 2, nodes: 2, messages: expect.any(Number) });
  expect(busy?.deliveries).toBeCloseTo(2 * (busy?.messages ?? 0));
  // A message of the group would have come to the second node as well.
  expect(quiet).toMatchObject({ messages: 0, deliveries: null });
  expect(rare).toMatchObject({ connections: 1, messages: null, deliveries: null });
});
