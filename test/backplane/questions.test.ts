import { describe, expect, it } from "vitest";
import { Questions } from "../../src/backplane/backplane.ts";
import { TidingsError } from "../../src/protocol/protocol.ts";

type Asked = (question: string) => Promise<string>;

/** Nodes that hear questions of each other by function calls; a node without an answer is silent. */
function nodesOf(...ids: string[]): Map<string, Questions> {
  const asked = new Map<string, Asked>();
  const cluster = {
    async ask(question: string, { node }: { node?: string }) {
      const named = node === undefined ? ids : [node];
      return new Map(
        await Promise.all(named.map(async (id) => [id, await asked.get(id)?.(question)] as const)),
      );
    },
  };
  const nodes = new Map(ids.map((id) => [id, new Questions(cluster)]));
  for (const [id, questions] of nodes) if (id !== "silent") asked.set(id, questions.asked);
  return nodes;
}

const first = (nodes: Map<string, Questions>): Questions => [...nodes.values()][0] as Questions;

describe("questions to nodes", () => {
  it("are answered by the answerer of their kind, with any JSON value", async () => {
    const nodes = nodesOf("n1", "n2");
    nodes.get("n2")?.answer("sum", ({ of }) => (of as number[]).reduce((sum, each) => sum + each, 0));
    nodes.get("n2")?.answer("nothing", async () => undefined);

    expect(await first(nodes).askNode("n2", { kind: "sum", of: [1, 2, 3] })).toBe(6);
    expect(await first(nodes).askNode("n2", { kind: "nothing" })).toBeNull();
  });

  it("fail with the answerer's code, and name the node", async () => {
    const nodes = nodesOf("n1", "n2");
    nodes.get("n2")?.answer("broken", () => {
      throw new TidingsError("conflict", "a profile is being taken already");
    });
    nodes.get("n2")?.answer("defect", () => {
      throw new Error("a secret of the process");
    });

    await expect(first(nodes).askNode("n2", { kind: "broken" })).rejects.toMatchObject({
      code: "conflict",
      message: "node n2: a profile is being taken already",
    });
    await expect(first(nodes).askNode("n2", { kind: "defect" })).rejects.toMatchObject({
      code: "internal",
      message: expect.not.stringContaining("secret"),
    });
  });

  it("of an unknown kind are refused", async () => {
    const nodes = nodesOf("n1", "n2");

    await expect(first(nodes).askNode("n2", { kind: "toString" })).rejects.toMatchObject({
      code: "not_found",
    });
  });

  it("to all nodes have an entry for each, in the order of the ids", async () => {
    const nodes = nodesOf("silent", "n2", "n1");
    for (const [id, questions] of nodes) questions.answer("name", () => id);

    expect(await first(nodes).askAll({ kind: "name" }, 70)).toEqual([
      { node: "n1", answer: "n1" },
      { node: "n2", answer: "n2" },
      { node: "silent", error: { code: "timeout", message: "node silent did not answer within 70 ms" } },
    ]);
  });

  it("have a limit on their length, and so have answers", async () => {
    const nodes = nodesOf("n1");
    nodes.get("n1")?.answer("long", () => "é".repeat(128 * 1_024));
    const tooLarge = { code: "too_large" };

    await expect(first(nodes).askAll({ kind: "x".repeat(16 * 1_024) })).rejects.toMatchObject(tooLarge);
    await expect(first(nodes).askNode("n1", { kind: "long" })).rejects.toMatchObject(tooLarge);
  });

  it("have one answerer of a kind", () => {
    const nodes = nodesOf("n1");
    first(nodes).answer("once", () => 1);

    expect(() => first(nodes).answer("once", () => 2)).toThrow("there is an answerer of once");
  });
});
