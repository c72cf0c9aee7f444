import { Semaphore } from "../../../protocol/protocol.ts";

const MAX_CONCURRENT = 8;

/** Works on all items, at most 8 at a time: Redis has time for other work in between. */
export async function forEachConcurrently<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const semaphore = new Semaphore(MAX_CONCURRENT);
  const admit = async (item: Item): Promise<void> => {
    await semaphore.acquire();
    await work(item).finally(() => semaphore.release());
  };
  await Promise.all(items.map(admit));
}

export { Semaphore } from "../../../protocol/protocol.ts";
