import { connectionOf, type Implementation, NO_RULES, startCluster } from "../harness.ts";
import type { Tests } from "../runner.ts";

export function clusterContract({ test, expect }: Tests, implementation: Implementation): void {
  test("a node is listed with its address and its number of connections of this moment", async () => {
    await using cluster = await startCluster(implementation);

    expect(await cluster.node.cluster.nodes()).toEqual([
      { id: "n1", ip: "127.0.0.1", port: 8080, status: "active", connections: 7, ageMs: 0 },
    ]);
  });

  test("a node that drains is listed as draining", async () => {
    await using cluster = await startCluster(implementation);
    await cluster.node.cluster.drain();

    expect(await cluster.node.cluster.nodes()).toMatchObject([{ id: "n1", status: "draining" }]);
  });

  test("a command runs on the user's node and answers how many connections it concerned", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    await node.presence.arrive(connectionOf(node, "alice"), NO_RULES);
    node.sink.connections = 2;
    const kick = {
      kind: "kick",
      user: "alice",
      cause: "kicked",
      reason: "spam",
      notice: { appeal: 1 },
    } as const;
    const join = { kind: "join", user: "alice", group: "g" } as const;

    expect(await node.cluster.command(kick)).toEqual({ connections: 2, unconfirmed: 0 });
    expect(await node.cluster.command(join)).toEqual({ connections: 2, unconfirmed: 0 });
    expect(node.sink.commands).toEqual([kick, join]);
  });

  test("a setting that is changed is in force on the node that changes it, each time", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    for (const value of ['{"messagesPerUser":"1-S"}', "{}"]) await node.cluster.adjust("limits", value);

    expect(node.sink.adjustments).toEqual([
      { name: "limits", value: '{"messagesPerUser":"1-S"}' },
      { name: "limits", value: "{}" },
    ]);
  });

  test("a proposed value is in force where there is none, and changes no other one", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    await Promise.all(['"first"', '"second"'].map((value) => node.cluster.propose("positionKey", value)));
    await node.cluster.propose("positionKey", '"third"');
    await node.cluster.adjust("limits", "{}");
    await node.cluster.propose("limits", '{"messagesPerUser":"1-S"}');

    expect(node.sink.adjustments).toEqual([
      { name: "positionKey", value: '"first"' },
      { name: "limits", value: "{}" },
    ]);
  });

  test("a change that may not follow another one is refused while another call changes the setting", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    const change = (value: string) => node.cluster.adjust("limits", value, "refuse");
    const [first, second] = await Promise.allSettled([change('"a"'), change('"b"')]);

    expect([first?.status, second]).toMatchObject(["fulfilled", { reason: { code: "conflict" } }]);
    await change('"c"');
    expect(node.sink.adjustments.map(({ value }) => value)).toEqual(['"a"', '"c"']);
  });

  test("a node answers the questions that it asks itself, by its id or as one of all", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    node.sink.answer = '{"answer":7}';

    expect(await node.cluster.ask('{"kind":"one"}', { node: "n1", timeoutMs: LONG_MS })).toEqual(ANSWERED);
    expect(await node.cluster.ask('{"kind":"all"}', { timeoutMs: LONG_MS })).toEqual(ANSWERED);
    expect(node.sink.questions).toEqual(['{"kind":"one"}', '{"kind":"all"}']);
  });

  test("a question to a node that does not exist is refused", async () => {
    await using cluster = await startCluster(implementation);
    const asked = cluster.node.cluster.ask("{}", { node: "nobody", timeoutMs: LONG_MS });

    await expect(asked).rejects.toMatchObject({ code: "not_found" });
  });

  test("a node that does not answer by the deadline is named without an answer", async () => {
    await using cluster = await startCluster(implementation);
    const { node } = cluster;
    node.sink.answer = new Promise(() => {});

    expect(await node.cluster.ask("{}", { timeoutMs: 1 })).toEqual(new Map([["n1", undefined]]));
  });

  if (implementation.nodes > 1) severalNodes({ test, expect }, implementation);
}

/** A deadline that no test reaches, in milliseconds. */
const LONG_MS = 60_000;

/** Deadline of a question that is not answered. */
const SHORT_MS = 50;

const ANSWERED = new Map([["n1", '{"answer":7}']]);

function severalNodes({ test, expect }: Tests, implementation: Implementation): void {
  test("a setting that is changed reaches every node, once, and of changes at once the last one stays", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { node, other } = cluster;
    await Promise.all([node.cluster.adjust("limits", '"a"'), other.cluster.adjust("limits", '"b"')]);
    await node.cluster.adjust("limits", '"end"');
    for (const { sink } of cluster.nodes) await sink.until(() => sink.adjustments.at(-1)?.value === '"end"');

    for (const { sink } of cluster.nodes) {
      const values = sink.adjustments.map(({ value }) => value);
      expect(new Set(values).size).toBe(values.length);
    }
  });

  test("of values that nodes propose at once all nodes have one, and only that", async () => {
    await using cluster = await startCluster(implementation, {}, 3);
    await Promise.all(cluster.nodes.map(({ id, cluster: one }) => one.propose("positionKey", `"${id}"`)));

    const values = cluster.nodes.map(({ sink }) => sink.adjustments.map(({ value }) => value));
    expect(values[0]).toHaveLength(1);
    expect(values).toEqual(values.map(() => values[0]));
  });

  test("of two nodes that change a setting at once, and may not follow each other, one is refused", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { node, other } = cluster;
    const settled = await Promise.allSettled([
      node.cluster.adjust("limits", '"a"', "refuse"),
      other.cluster.adjust("limits", '"b"', "refuse"),
    ]);

    const inForce = settled[0]?.status === "fulfilled" ? '"a"' : '"b"';
    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(settled.find(({ status }) => status === "rejected")).toMatchObject({
      reason: { code: "conflict" },
    });
    for (const { sink } of cluster.nodes) await sink.until(() => sink.adjustments.length > 0);
    for (const { sink } of cluster.nodes)
      expect(sink.adjustments.map(({ value }) => value)).toEqual([inForce]);
  });

  test("every node lists all nodes", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    await cluster.other.cluster.drain();

    for (const { cluster: view } of cluster.nodes) {
      const nodes = await view.nodes();
      expect(nodes.map(({ id, status }) => `${id} ${status}`).sort()).toEqual(["n1 active", "n2 draining"]);
    }
  });

  test("a command answers with the sum of the answers of all nodes", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { node, other } = cluster;
    for (const each of cluster.nodes) await each.presence.arrive(connectionOf(each, "alice"), NO_RULES);
    node.sink.connections = 2;
    other.sink.connections = 3;

    const answer = await node.cluster.command({ kind: "kick", user: "alice", cause: "kicked" });
    expect(answer).toEqual({ connections: 5, unconfirmed: 0 });
    expect(other.sink.commands).toMatchObject([{ kind: "kick", user: "alice" }]);
  });

  test("a question to one node reaches only that node, and is answered by it", async () => {
    await using cluster = await startCluster(implementation, {}, 2);
    const { node, other } = cluster;
    other.sink.answer = '{"answer":"xé🙂"}';
    const question = JSON.stringify({ kind: "one", text: "a\nb" });

    const answers = await node.cluster.ask(question, { node: "n2", timeoutMs: LONG_MS });
    expect(answers).toEqual(new Map([["n2", '{"answer":"xé🙂"}']]));
    expect(other.sink.questions).toEqual([question]);
    expect(node.sink.questions).toEqual([]);
  });

  test("a question to all nodes has an entry for each, also for those that do not answer", async () => {
    await using cluster = await startCluster(implementation, {}, 3);
    const [node, second, third] = cluster.nodes;
    for (const { id, sink } of cluster.nodes) sink.answer = `"${id}"`;
    expect(await node?.cluster.ask("{}", { timeoutMs: LONG_MS })).toEqual(
      new Map(cluster.nodes.map(({ id }) => [id, `"${id}"`])),
    );

    if (third !== undefined) third.sink.answer = new Promise(() => {});
    const late = await second?.cluster.ask("{}", { timeoutMs: SHORT_MS });
    expect(late?.has("n3")).toBe(true);
    expect(late?.get("n3")).toBeUndefined();
  });
}
