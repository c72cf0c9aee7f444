/** What stands at `websocket.shardCount` and the like in nested objects. */
export function getPath(tree: object, path: string): unknown {
  let branch: unknown = tree;
  for (const name of path.split(".")) {
    branch = typeof branch === "object" && branch !== null ? Reflect.get(branch, name) : undefined;
  }
  return branch;
}

/** Puts a value there; objects on the way are made. */
export function setPath(tree: object, path: string, value: unknown): void {
  const [name = "", ...rest] = path.split(".");
  if (rest.length === 0) {
    Reflect.set(tree, name, value);
    return;
  }
  const branch: unknown = Reflect.get(tree, name);
  const next = typeof branch === "object" && branch !== null ? branch : {};
  Reflect.set(tree, name, next);
  setPath(next, rest.join("."), value);
}

/** Freezes an object and everything in it. */
export function deepFreeze<T extends object>(tree: T): T {
  for (const value of Object.values(tree)) {
    if (typeof value === "object" && value !== null) deepFreeze(value);
  }
  return Object.freeze(tree);
}
