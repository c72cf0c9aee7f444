/** Fields of the built-in actions, by action, and other names that clients of the older form use for them. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "robot.login": named("token user_id platform device resume", { platid: "platform", uid: "user_id" }),
  "group.join": named("group position token"),
  "group.leave": named("group"),
  "group.members": named("group"),
  "message.send": named("type data to group id ephemeral ack timeoutMs key count from timestamp offset"),
  "message.ack": named("offset channel epoch"),
  "message.history": named("channel before limit"),
  "message.resume": named("channel epoch offset"),
  "presence.get": named("users group"),
  "presence.watch": named("users all"),
  "presence.unwatch": named("users all"),
};

/** Fields of a login that are ids. Clients of the older form send some of them as numbers. */
const LOGIN_IDS: ReadonlySet<string> = new Set(["user_id", "platform", "device"]);

/**
 * Gives the data of a built-in action the names of its fields: the older form writes them in any case and without
 * underscores (`UserId`, `PlatId`). Data of the application's own actions stays as it is.
 */
export function canonicalData(action: string, data: unknown): unknown {
  const fields = Object.hasOwn(FIELDS, action) ? FIELDS[action] : undefined;
  if (fields === undefined || typeof data !== "object" || data === null || Array.isArray(data)) return data;
  const entries = Object.entries(data).flatMap(([key, value]): [string, unknown][] => {
    const name = nameIn(fields, key);
    const isOther = name !== key && Object.hasOwn(data, name); // the exact name is given too
    return isOther ? [] : [[name, action === "robot.login" && LOGIN_IDS.has(name) ? idText(value) : value]];
  });
  return Object.fromEntries(entries);
}

function nameIn(fields: Readonly<Record<string, string>>, key: string): string {
  const plain = folded(key);
  return Object.hasOwn(fields, plain) ? (fields[plain] ?? key) : key;
}

const idText = (value: unknown): unknown => (Number.isSafeInteger(value) ? String(value) : value);

function folded(key: string): string {
  return key.replaceAll("_", "").toLowerCase();
}

function named(names: string, others: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { ...Object.fromEntries(names.split(" ").map((name) => [folded(name), name])), ...others };
}
