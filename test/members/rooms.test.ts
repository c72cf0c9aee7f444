import { expect, onTestFinished, test, vi } from "vitest";
import { memoryBackplane, type RoomChange } from "../../src/backplane/backplane.ts";
import type { Connection } from "../../src/local/local.ts";
import { WatchedRooms } from "../../src/members/members.ts";
import { RoomList } from "../support/rooms/rooms.ts";

interface Watcher {
  readonly connection: Connection;
  readonly list: RoomList;
  /** True: the send queue is full until `drain`. */
  isFull: boolean;
  drain(): void;
}

/** A node that watches one group, and a line to the backplane on which a test loses changes. */
class Scene {
  readonly backplane = memoryBackplane({ history: { count: 1, ageMs: 1, totalBytes: 1_000_000 } });
  readonly rooms = new WatchedRooms(this.backplane.rooms, (_stage, error) => {
    throw error;
  });
  /** Decides whether a change arrives. */
  arrives: (change: RoomChange) => boolean = () => true;
  reads = 0;

  async open(): Promise<this> {
    const sink = {
      ...{ deliver: () => ({ connections: 0, dropped: 0 }), lost: () => {}, acknowledged: () => {} },
      ...{ presence: () => {}, presenceMissed: () => {}, adjusted: () => {}, occupied: () => {} },
      ...{ command: async () => 0, asked: async () => "", report: () => {} },
      room: (change: RoomChange) => void (this.arrives(change) && this.rooms.heard(change)),
    };
    await this.backplane.start({ id: "n", ip: "127.0.0.1", port: 1, connections: () => 0 }, sink);
    const { page } = this.backplane.rooms;
    vi.spyOn(this.backplane.rooms, "page").mockImplementation((...asked) => {
      if (asked[1].limit > 0) this.reads++;
      return page.apply(this.backplane.rooms, asked);
    });
    return this;
  }

  join(...users: string[]): Promise<unknown> {
    return Promise.all(users.map((user) => this.backplane.routes.join("g", user)));
  }

  leave(...users: string[]): Promise<unknown> {
    return Promise.all(users.map((user) => this.backplane.routes.leave("g", user)));
  }

  async watcher(): Promise<Watcher> {
    const frames: Record<string, unknown>[] = [];
    let drained = (): void => {};
    const watcher = {
      list: new RoomList({ frames }, "g"),
      isFull: false,
      drain: (): void => {
        watcher.isFull = false;
        drained();
      },
      connection: {
        state: "open",
        get isFull() {
          return watcher.isFull;
        },
        whenDrained: () => new Promise<void>((resolve) => (drained = resolve)),
        send: (text: string) => frames.push(JSON.parse(text)),
        sendPacket: ({ plain }: { plain: Buffer }) => frames.push(JSON.parse(textIn(plain))),
        attachment: () => watched,
        attached: () => watched,
      } as unknown as Connection, // all that rooms use
    };
    const watched = { names: new Set<string>() };
    await this.rooms.watch(watcher.connection, "g");
    return watcher;
  }
}

/** The text of a server's frame, which is not masked. */
function textIn(frame: Buffer): string {
  const length = frame[1] ?? 0;
  return frame.subarray(length < 126 ? 2 : length === 126 ? 4 : 10).toString();
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a change that is lost on the way is found by the next one, and told", async () => {
  const scene = await new Scene().open();
  await scene.join("ada", "bea");
  const { list } = await scene.watcher();
  scene.arrives = ({ user }) => user !== "bea" && user !== "cia";
  await scene.leave("bea");
  await scene.join("cia");
  await settle();
  expect(list.names).toEqual(["ada", "bea"]);

  await scene.join("dia");
  await settle();
  expect(list.names).toEqual(["ada", "cia", "dia"]);
  expect(list.changes.sort()).toEqual(["join cia", "join dia", "leave bea"]);
  expect(list.faults).toEqual([]);
});

test("a comparison tells what was lost at the end, and reads no list that has not changed", async () => {
  const scene = await new Scene().open();
  await scene.join("ada", "bea");
  const { list } = await scene.watcher();
  scene.arrives = () => false;
  await scene.leave("bea");
  expect(list.names).toEqual(["ada", "bea"]);
  await scene.rooms.compare(() => true);
  await settle();
  expect(list.names).toEqual(["ada"]);

  const { reads } = scene;
  await scene.rooms.compare(() => true);
  expect(scene.reads).toBe(reads);
});

test("after an outage nobody leaves before all nodes have told who is there", async () => {
  const scene = await new Scene().open();
  await scene.join("ada", "bea");
  const { list } = await scene.watcher();
  scene.arrives = () => false;
  await scene.leave("ada", "bea");
  await scene.join("cia");
  await scene.rooms.compare(() => false);
  await settle();
  expect(list.names).toEqual(["ada", "bea", "cia"]);

  await scene.rooms.compare(() => true);
  await settle();
  expect(list.names).toEqual(["cia"]);
  expect(list.faults).toEqual([]);
});

test("a list that is read after a loss of data ends nobody's membership, until all nodes have told who is there", async () => {
  const scene = await new Scene().open();
  let isSettled = true;
  await scene.rooms.compare(() => isSettled);
  await scene.join("ada", "bea");
  const { list } = await scene.watcher();
  scene.arrives = () => false;
  await scene.leave("ada");
  isSettled = false;
  scene.arrives = () => true;
  await scene.join("cia"); // one change is missing before it: the list is read
  await settle();
  expect(list.names).toEqual(["ada", "bea", "cia"]);

  isSettled = true;
  await scene.rooms.compare(() => isSettled);
  await settle();
  expect(list.names).toEqual(["bea", "cia"]);
});

test("a group that grows large is told of once in a second", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const scene = await new Scene().open();
  const { list } = await scene.watcher();
  await scene.join(...Array.from({ length: 520 }, (_, index) => `u${index}`));
  await settle();
  vi.advanceTimersByTime(1_000);
  expect(list.names).toHaveLength(520);
  const { frames } = list;
  for (let second = 0; second < 10; second++) {
    for (const part of [1, 2, 3, 4]) {
      await scene.backplane.rooms.setData("g", "u1", `${10 * second + part}`);
      vi.advanceTimersByTime(250);
    }
  }
  expect(list.names).toHaveLength(520);
  expect(list.frames - frames).toBe(10);
});

test("a slow client hears what it missed summed up, once it reads", async () => {
  const scene = await new Scene().open();
  await scene.join("ada");
  const [slow, quick] = [await scene.watcher(), await scene.watcher()];
  slow.isFull = true;
  await scene.join("bea", "cia");
  await settle();
  await scene.leave("ada", "cia");
  await scene.join("dia");
  await settle();
  expect(slow.list.names).toEqual(["ada"]);
  expect(quick.list.names).toEqual(["bea", "dia"]);

  slow.drain();
  await settle();
  expect(slow.list.names).toEqual(["bea", "dia"]);
  expect(slow.list.changes.sort()).toEqual(["join bea", "join dia", "leave ada"]);
  await scene.join("ada");
  await settle();
  expect(slow.list.names).toEqual(["ada", "bea", "dia"]);
  expect([...slow.list.faults, ...quick.list.faults]).toEqual([]);
});

test("the backplane is watched while somebody watches", async () => {
  const scene = await new Scene().open();
  const unwatch = vi.spyOn(scene.backplane.rooms, "unwatch");
  const [one, other] = [await scene.watcher(), await scene.watcher()];
  scene.rooms.drop(one.connection);
  await settle();
  expect(unwatch).not.toHaveBeenCalled();
  scene.rooms.unwatch(other.connection, "g");
  await settle();
  expect(unwatch).toHaveBeenCalledWith("g");
});
