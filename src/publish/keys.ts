import { joinNames } from "../protocol/protocol.ts";

/**
 * Name of the idempotency key of a publish by the application. Keys of the application and of its users never meet.
 * @param user one of several receivers, for each of whom the key counts separately
 */
export function applicationKey(key: string | undefined, user?: string): string | undefined {
  if (key === undefined) return undefined;
  return user === undefined ? joinNames("app", key) : joinNames("app", key, user);
}

/** Name of the idempotency key of a publish by a user. Keys of different users never meet. */
export const userKey = (user: string, key: string | undefined): string | undefined =>
  key === undefined ? undefined : joinNames("user", user, key);

/** Name of the idempotency key of the copy that a user's other connections get of such a publish. */
export const copyKey = (key: string | undefined): string | undefined =>
  key === undefined ? undefined : joinNames("copy", key);
