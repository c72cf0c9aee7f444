/** For the same reason as in channel.ts. */
const { charCodeAt } = String.prototype;

/**
 * Spreads ids over buckets (shards of a node, partitions of the cluster), the same on every machine.
 * FNV-1a over UTF-16 units: even for short ids, and needs no table.
 * @returns 0 … buckets - 1
 */
export function spread(id: string, buckets: number): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < id.length; index++) {
    value = Math.imul(value ^ charCodeAt.call(id, index), 0x01000193);
  }
  return (value >>> 0) % buckets;
}
