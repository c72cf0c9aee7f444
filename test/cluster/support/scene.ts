import { expect } from "vitest";
import type { Observed } from "../../client/harness.ts";
import { eventually } from "../../support/eventually.ts";
import type { NodeProcess } from "../../support/nodes/nodes.ts";
import type { Cluster, Watcher } from "./cluster.ts";

const GROUP = "friends";

interface Person {
  readonly name: string;
  readonly node: NodeProcess;
  readonly observed: Observed;
  /** Id of the connection, which stays open whatever happens to Redis. */
  readonly connection: string | undefined;
}

/**
 * Friends on three nodes, two of them on the first, with the expectations while Redis is unavailable and afterwards.
 */
export class Scene {
  readonly #cluster: Cluster;
  readonly #people: readonly Person[];
  readonly #watchers: readonly Watcher[];
  #messages = 0;

  private constructor(cluster: Cluster, people: readonly Person[], watchers: readonly Watcher[]) {
    this.#cluster = cluster;
    this.#people = people;
    this.#watchers = watchers;
  }

  /** Everyone has joined one group, and has got some messages that are stored. */
  static async open(cluster: Cluster): Promise<Scene> {
    const { n1, n2, n3 } = cluster;
    const watchers = [await cluster.watcher(n1), await cluster.watcher(n2)];
    const people: Person[] = [];
    for (const [name, node] of Object.entries({ ada: n1, bea: n1, cia: n2, dora: n3 })) {
      const observed = await cluster.client(name, node);
      await observed.client.join(GROUP);
      people.push({ name, node, observed, connection: observed.client.connection });
    }
    const scene = new Scene(cluster, people, watchers);
    await scene.expectStoredArrive();
    return scene;
  }

  /** Nodes are not ready, stored messages are refused, and ephemeral messages arrive on their own node. */
  async expectAway(): Promise<void> {
    await this.#cluster.areReady(false);
    const [ada, bea] = this.#people;
    for (const node of this.#cluster.nodes) {
      const { status, body } = await node.post("/ws/message", { to: "cia", type: "n", data: "too late" });
      expect({ status, code: body.error?.code }).toEqual({ status: 503, code: "unavailable" });
    }
    for (const audience of [{ to: "bea" }, { group: GROUP }]) {
      const data = `local ${++this.#messages}`;
      // Only delivery on this node counts: nodes cannot learn of the others now.
      await ada?.observed.client.send({ type: "n", ...audience, data, ephemeral: true }).catch(() => {});
      await bea?.observed.until(() => bea.observed.received.includes(data));
    }
  }

  /** Everything is as it was, without a restart, a reconnect, or a word about anyone's presence. */
  async expectBack(): Promise<void> {
    await this.#cluster.areReady(true);
    await this.#cluster.lists(...this.#cluster.nodes);
    await this.#expectEveryoneListed();
    await this.expectStoredArrive();
    await this.#expectEphemeralArrive();
    for (const { name, observed, connection } of this.#people) {
      expect(observed.all("closed"), name).toEqual([]);
      expect(observed.client.connection).toBe(connection);
      for (const watcher of this.#watchers) expect(watcher.of(name), name).toEqual([true]);
    }
  }

  /** From each node to each person and to the group: once each, in order, acknowledged. */
  async expectStoredArrive(): Promise<void> {
    const sent: string[] = [];
    const sentTo = new Map<string, string[]>(this.#people.map(({ name }) => [name, []]));
    for (const node of this.#cluster.nodes) {
      for (const { name } of this.#people) {
        const data = `stored ${++this.#messages}`;
        const { body } = await node.post("/ws/message", {
          to: name,
          type: "n",
          data,
          ack: true,
          timeoutMs: 60_000,
        });
        expect(body, `${node.id} to ${name}`).toMatchObject({ state: "acked" });
        sentTo.get(name)?.push(data);
      }
      const data = `to the group ${++this.#messages}`;
      expect(await node.post(`/groups/${GROUP}/send`, { type: "n", data })).toMatchObject({ status: 200 });
      sent.push(data);
    }
    for (const { name, observed } of this.#people) {
      const own = sentTo.get(name) ?? [];
      await observed.until(() => sent.every((data) => observed.received.includes(data)));
      expect(observed.received.filter((data) => own.includes(String(data)))).toEqual(own);
      expect(observed.received.filter((data) => sent.includes(String(data)))).toEqual(sent);
    }
  }

  /** Resolves when every client has got `lost` for its own channel and for the group. */
  async untilLossIsTold(): Promise<void> {
    for (const { name, observed } of this.#people) {
      for (const channel of [`user:${name}`, `group:${GROUP}`]) {
        await observed.until(() => observed.all("lost").some((lost) => lost.channel === channel));
      }
    }
  }

  expectNothingLost(): void {
    for (const { name, observed } of this.#people) expect(observed.all("lost"), name).toEqual([]);
  }

  async #expectEphemeralArrive(): Promise<void> {
    for (const node of this.#cluster.nodes) {
      for (const audience of [...this.#people.map(({ name }) => ({ to: name })), { group: GROUP }]) {
        const data = `ephemeral ${++this.#messages}`;
        const answer = await node.post("/ws/message", { ...audience, type: "n", data, ephemeral: true });
        expect(answer, `${node.id}: ${data}`).toMatchObject({ status: 200 });
        for (const { name, observed } of this.#people) {
          if ("group" in audience || audience.to === name) {
            await observed.until(() => observed.received.includes(data));
          }
        }
      }
    }
  }

  async #expectEveryoneListed(): Promise<void> {
    const { online } = this.#cluster;
    for (const node of this.#cluster.nodes) {
      await eventually(
        `${node.id} counts ${online} connections`,
        async () => (await node.get("/stats")).body.cluster?.connections === online,
      );
      expect((await node.get("/stats")).body.cluster).toEqual({ users: online, connections: online });
    }
    for (const { name, node, connection } of this.#people) {
      const { body } = await this.#cluster.n1.get(`/users/${name}/connections`);
      expect(body.connections).toMatchObject([{ id: connection, node: node.id }]);
    }
    const { body } = await this.#cluster.n2.get(`/groups/${GROUP}/members`);
    expect(body.members.map(({ user }: { user: string }) => user).sort()).toEqual(
      this.#people.map(({ name }) => name),
    );
  }
}
