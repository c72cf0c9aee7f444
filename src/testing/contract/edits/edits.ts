import type { Appended, HistoryPage, MessageEdit, StoredMessage } from "../../../backplane/backplane.ts";
import type { Channel } from "../../../protocol/protocol.ts";
import { eventually, type Implementation, type StartedCluster, startCluster, upTo } from "../../harness.ts";
import type { Tests } from "../../runner.ts";

const CHANNEL: Channel = "group:g";

export function editsContract({ test, expect }: Tests, implementation: Implementation): void {
  const nodes = Math.min(2, implementation.nodes);

  test("an edit replaces the data where it lies, and its notice gets the next offset", async () => {
    await using cluster = await startCluster(implementation);
    const { broker } = cluster.node;
    const filters = { platforms: ["ios"], except: ["c1"], recipient: "carol", from: "alice" };
    const message = cluster.message(CHANNEL, { body: '"old"', ...filters });
    const first = await broker.append(message);
    await broker.append(cluster.message(CHANNEL));
    const edit = editOf(cluster, first, '{"text":"new, 世界 \\u0000"}');

    const appended = await broker.edit(edit);

    const { epoch } = first;
    const { id, timestamp } = edit.notice;
    expect(appended).toMatchObject({ id, timestamp, epoch, offset: 3, duplicate: false });
    const change = { at: timestamp, notice: 3, deleted: false };
    const [edited, , notice] = await all(cluster);
    expect(edited).toEqual({ ...message, body: edit.body, epoch, offset: 1, change });
    expect(notice).toEqual({ ...edit.notice, epoch, offset: 3 });
  });

  test("a deletion leaves the offset, without data, and for no platform", async () => {
    await using cluster = await startCluster(implementation);
    const { broker } = cluster.node;
    const message = cluster.message(CHANNEL, { body: '"secret"' });
    const first = await broker.append(message);
    const edit = editOf(cluster, first, null);

    expect(await broker.edit(edit)).toMatchObject({ epoch: first.epoch, offset: 2 });

    const change = { at: edit.notice.timestamp, notice: 2, deleted: true };
    const gone = { ...message, body: "null", platforms: [], epoch: first.epoch, offset: 1, change };
    expect((await all(cluster))[0]).toEqual(gone);
  });

  test("the data of an earlier notice is taken out, so deleted text is nowhere", async () => {
    await using cluster = await startCluster(implementation);
    const { broker } = cluster.node;
    const first = await broker.append(cluster.message(CHANNEL, { body: '"secret one"' }));
    for (const body of ['"secret two"', '"secret three"', null])
      await broker.edit(editOf(cluster, first, body));

    const [message, ...notices] = await all(cluster);
    expect(message?.change).toMatchObject({ notice: 4, deleted: true });
    expect(notices.map(({ body, platforms }) => [body, platforms ?? null])).toEqual([
      ["null", []],
      ["null", []],
      ['"told"', null],
    ]);
  });

  test("a deletion takes the data out of the notice of a message that is no longer retained", async () => {
    await using cluster = await startCluster(implementation, { count: 3 });
    const { broker } = cluster.node;
    const first = await broker.append(cluster.message(CHANNEL));
    await broker.append(cluster.message(CHANNEL));
    const notice = await broker.edit(editOf(cluster, first, '"new"'));
    await broker.append(cluster.message(CHANNEL));

    expect(await broker.edit(editOf(cluster, notice, null))).toMatchObject({ offset: 5 });
    await expect(broker.edit(editOf(cluster, notice, null))).rejects.toMatchObject({ code: "not_found" });

    expect((await all(cluster))[0]).toMatchObject({ offset: 3, body: "null", platforms: [] });
  });

  test("a message under another epoch or id, without a place in the history, or deleted, is not found", async () => {
    await using cluster = await startCluster(implementation, { count: 3 });
    const { broker } = cluster.node;
    const first = await broker.append(cluster.message(CHANNEL));
    const others = [];
    for (const _ of upTo(3)) others.push(await broker.append(cluster.message(CHANNEL)));
    const [, third = first, fourth = first] = others;
    const tried = [
      first, // no longer retained
      { ...fourth, offset: 5 },
      { ...fourth, offset: 0 },
      { ...third, epoch: "another" },
      { ...third, epoch: "" },
      { ...third, id: "another" },
      { ...third, id: fourth.id },
    ];
    for (const position of tried)
      await expect(broker.edit(editOf(cluster, position, '"new"'))).rejects.toMatchObject({
        code: "not_found",
      });
    const elsewhere = { ...editOf(cluster, first, null), notice: cluster.message("group:empty") };
    await expect(broker.edit(elsewhere)).rejects.toMatchObject({ code: "not_found" });

    await broker.edit(editOf(cluster, fourth, null));
    for (const body of ['"new"', null])
      await expect(broker.edit(editOf(cluster, fourth, body))).rejects.toMatchObject({
        code: "not_found",
      });
    expect(await broker.history(CHANNEL, { limit: 9 })).toMatchObject({ first: 3, last: 5 });
    expect(await broker.positions(["group:empty"])).toMatchObject([{ offset: 0 }]);
  });

  test("a message over the retained age is not found", async () => {
    await using cluster = await startCluster(implementation, { ageMs: 1_000 });
    const { broker } = cluster.node;
    const first = await broker.append(cluster.message(CHANNEL));
    await cluster.advance(1_100);

    await expect(broker.edit(editOf(cluster, first, '"new"'))).rejects.toMatchObject({ code: "not_found" });
    expect(await broker.positions([CHANNEL])).toEqual([{ epoch: first.epoch, offset: 1 }]);
  });

  test("an edited message expires with its own age, and its notice with that of the notice", async () => {
    await using cluster = await startCluster(implementation, { ageMs: 3_000 });
    const { broker } = cluster.node;
    const first = await broker.append(cluster.message(CHANNEL));
    await cluster.advance(1_500);
    await broker.edit(editOf(cluster, first, '"new"'));
    await cluster.advance(1_600);

    expect((await all(cluster)).map(({ offset }) => offset)).toEqual([2]);
  });

  test("the notice is delivered on every node with members, in order, also among many appends", async () => {
    await using cluster = await startCluster(implementation, {}, nodes);
    for (const [index, { routes }] of cluster.nodes.entries()) await routes.join("g", `user${index}`);
    const { broker } = cluster.node;
    const first = await broker.append(cluster.message(CHANNEL));

    const appends = upTo(30).map(() => broker.append(cluster.message(CHANNEL)));
    const edits = upTo(3).map((number) => broker.edit(editOf(cluster, first, String(number))));
    const more = upTo(30).map(() => broker.append(cluster.message(CHANNEL)));
    const appended = await Promise.all([...appends, ...edits, ...more]);

    expect(new Set(appended.map(({ offset }) => offset))).toEqual(new Set(upTo(64).slice(1)));
    for (const { sink } of cluster.nodes) {
      await sink.until(() => sink.delivered.length === 64);
      expect(offsetsOf(sink.delivered as readonly StoredMessage[])).toEqual(upTo(64));
    }
    expect((await all(cluster))[0]).toMatchObject({ body: "3" });
  });

  test("an edit by another node counts for the local receivers of that node", async () => {
    await using cluster = await startCluster(implementation, {}, nodes);
    const { broker, routes } = cluster.nodes.at(-1) ?? cluster.node;
    const first = await cluster.node.broker.append(cluster.message(CHANNEL));
    await routes.join("g", "alice");

    const { here, offset } = await broker.edit(editOf(cluster, first, '"new"'));

    expect(offset).toBe(2);
    expect(here.connections).toBe(1);
  });

  test("the key of an edited message still answers with its position", async () => {
    await using cluster = await startCluster(implementation);
    const { broker } = cluster.node;
    const first = await broker.append(cluster.message(CHANNEL), "k1");
    await broker.edit(editOf(cluster, first, null));

    const { id, epoch, offset } = first;
    expect(await broker.append(cluster.message(CHANNEL), "k1")).toMatchObject({
      ...{ id, epoch, offset, duplicate: true },
    });
  });

  test("a reader after the message, and a reader from before it, both continue", async () => {
    await using cluster = await startCluster(implementation);
    const { broker } = cluster.node;
    const first = await broker.append(cluster.message(CHANNEL, { body: '"old"' }));
    const edit = editOf(cluster, first, '"new"');
    await broker.edit(edit);

    const { messages, differs } = await broker.history(CHANNEL, { after: 1, id: first.id, limit: 9 });
    expect(messages.map(({ id }) => id)).toEqual([edit.notice.id]);
    expect(differs ?? false).toBe(false);
    expect(await broker.history(CHANNEL, { after: 0, limit: 1 })).toMatchObject({
      messages: [{ id: first.id, body: '"new"' }],
    });
  });

  test("the bytes of a channel follow what edits take and give", async () => {
    await using cluster = await startCluster(implementation, { channelBytes: 100_000 });
    const { broker } = cluster.node;
    const small = JSON.stringify("x".repeat(100));
    const large = JSON.stringify("x".repeat(10_000));
    const firsts: Appended[] = [];
    for (const _ of upTo(8)) firsts.push(await broker.append(cluster.message(CHANNEL, { body: large })));
    for (const first of firsts) await broker.edit(editOf(cluster, first, null));
    for (const _ of upTo(4)) await broker.append(cluster.message(CHANNEL, { body: large }));
    expect((await page(cluster)).first).toBe(1);

    const grown = await broker.append(cluster.message(CHANNEL, { body: small }));
    for (const _ of upTo(12)) {
      const { first } = await page(cluster);
      if (first > 1) break;
      await broker.edit(editOf(cluster, grown, large));
      await broker.append(cluster.message(CHANNEL, { body: large }));
    }
    await eventually("the oldest are gone", async () => (await page(cluster)).first > 1);
    expect((await page(cluster)).last).toBeGreaterThan(grown.offset);
  });
}

/** An edit of a message, with a notice as short as can be. */
const editOf = (
  cluster: StartedCluster,
  { epoch, offset, id }: Pick<Appended, "epoch" | "offset" | "id">,
  body: string | null,
): MessageEdit => ({
  notice: cluster.message(CHANNEL, {
    type: body === null ? "message.deleted" : "message.edited",
    body: '"told"',
  }),
  ...{ epoch, offset, id, body },
});

const page = ({ node }: StartedCluster): Promise<HistoryPage> =>
  node.broker.history(CHANNEL, { after: 0, limit: 100 });

const all = async (cluster: StartedCluster): Promise<readonly StoredMessage[]> =>
  (await page(cluster)).messages;

const offsetsOf = (messages: readonly StoredMessage[]): number[] => messages.map(({ offset }) => offset);
