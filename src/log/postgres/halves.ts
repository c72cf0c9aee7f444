/**
 * Inserts records. When the database refuses some row, the halves are inserted apart, and so on, until the bad rows are alone: one bad
 * row must not keep the others out. An insert MUST be repeatable.
 * @throws whatever `insert` throws and `isRefusal` does not accept
 */
export async function insertInHalves<Item>(
  items: readonly Item[],
  insert: (items: readonly Item[]) => Promise<void>,
  isRefusal: (error: unknown) => boolean,
  refuse: (item: Item, error: unknown) => void,
): Promise<void> {
  const [first] = items;
  if (first === undefined) return;
  try {
    await insert(items);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (items.length === 1) return refuse(first, error);
    const middle = Math.ceil(items.length / 2);
    await insertInHalves(items.slice(0, middle), insert, isRefusal, refuse);
    await insertInHalves(items.slice(middle), insert, isRefusal, refuse);
  }
}
