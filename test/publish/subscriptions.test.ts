import { expect, test, vi } from "vitest";
import { Hooks } from "../../src/publish/publish.ts";

test("a hub's hooks: each subscription is its own thing, and who is added during an emit hears the next one", async () => {
  const hooks = new Hooks(1_000);
  let calls = 0;
  const listener = (): void => void calls++;
  const [undo] = [hooks.on("online", listener), hooks.on("online", listener)];
  undo();
  hooks.emit("online", { user: "a" });
  expect(calls).toBe(1);

  for (const name of ["offline", "connect"] as const) {
    const heard: number[] = [];
    let off = (): void => {};
    const again = (): void => {
      heard.push(heard.length);
      off();
      off = hooks.on(name, again);
    };
    off = hooks.on(name, again);
    const removed = vi.fn();
    hooks.on(name, () => offRemoved());
    const offRemoved = hooks.on(name, removed);
    for (let round = 1; round <= 2; round++) {
      if (name === "offline") hooks.emit(name, { user: "a" });
      else await hooks.ask(name, {} as never);
      expect(heard).toHaveLength(round);
    }
    expect(removed).not.toHaveBeenCalled();
  }
});
