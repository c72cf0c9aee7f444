/** Reads the value at a path such as `websocket.shardCount` from nested objects. */
export function getPath(tree: object, path: string): unknown {
  let branch: unknown = tree;
  for (const name of path.split(".")) {
    branch = typeof branch === "object" && branch !== null ? Reflect.get(branch, name) : undefined;
  }
  return branch;
}

/** Sets the value at a path and creates missing objects. */
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

/** Freezes an object and all nested objects. */
export function deepFreeze<T extends object>(tree: T): T {
  for (const value of Object.values(tree)) {
    if (typeof value === "object" && value !== null) deepFreeze(value);
  }
  return Object.freeze(tree);
}
