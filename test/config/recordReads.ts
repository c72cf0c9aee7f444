import { CONFIG_KEYS, type Config } from "../../src/config/config.ts";

/** A configuration that writes down which keys are read. */
export interface RecordedConfig {
  readonly config: Config;
  /** The paths of the keys that were read so far: `websocket.shardCount`, … */
  readonly read: () => ReadonlySet<string>;
}

/** Wraps a configuration, so that a test can tell keys that some code reads from keys that none does. */
export function recordReads(config: Config): RecordedConfig {
  const keys = new Set(CONFIG_KEYS.map((key) => key.path));
  const seen = new Set<string>();
  const record = <T extends object>(tree: T, prefix: string): T =>
    new Proxy(tree, {
      get(target, name, receiver) {
        const value: unknown = Reflect.get(target, name, receiver);
        if (typeof name === "symbol") return value;
        const path = prefix + name;
        if (keys.has(path)) seen.add(path);
        else if (typeof value === "object" && value !== null) return record(value, `${path}.`);
        return value;
      },
    });
  // A proxy over a frozen object may not hand out wrapped groups, hence the copy.
  return { config: record(structuredClone(config), ""), read: () => seen };
}
