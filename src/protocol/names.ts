/**
 * Joins names to one name, such as user and key to the name of an idempotency key. Different lists never give the same
 * name: "/" separates, and inside a part "/" is written "%2F" and "%" is written "%25".
 */
export const joinNames = (...parts: readonly string[]): string => parts.map(escapePart).join("/");

const escapePart = (part: string): string =>
  /[%/]/.test(part) ? part.replaceAll("%", "%25").replaceAll("/", "%2F") : part;
