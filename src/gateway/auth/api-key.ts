import { createHash, timingSafeEqual } from "node:crypto";

/**
 * Compares an API key with the expected one in constant time. It compares digests, which have equal length, so the time
 * reveals nothing about either key.
 */
export const apiKeyMatches = (given: string | undefined, expected: string): boolean =>
  given !== undefined && timingSafeEqual(digest(given), digest(expected));

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
