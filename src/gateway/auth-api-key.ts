import { createHash, timingSafeEqual } from "node:crypto";

/**
 * Tells whether a caller's API key is the expected one, in a time that says nothing about either: the digests are
 * compared, which have one length, and in constant time.
 */
export const apiKeyMatches = (given: string | undefined, expected: string): boolean =>
  given !== undefined && timingSafeEqual(digest(given), digest(expected));

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
