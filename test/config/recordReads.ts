import { CONFIG_KEYS, type Config } from "../../src/config/config.ts";

/** A configuration that records which keys are read. */
export interface RecordedConfig {
  readonly config: Config;
  /** Returns the paths of the keys read so far: `websocket.shardCount`, … */
  readonly read: () => ReadonlySet<string>;
}

/** Wraps a configuration, so that a test can find keys that no code reads. */
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
  // A copy, because a proxy of a frozen object must return the object's own groups, not wrapped ones.
  return { config: record(structuredClone(config), ""), read: () => seen };
}
