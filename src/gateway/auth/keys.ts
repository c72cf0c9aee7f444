import { createPublicKey, createSecretKey, type KeyObject } from "node:crypto";
import type { JWTVerifyGetKey } from "jose";
import type { JwtKeySource } from "../../config/config.ts";
import { TidingsError } from "../../protocol/protocol.ts";
import { PublishedKeys, type PublishedKeysOptions } from "./published-keys.ts";

/** Finds the key of a token whose algorithm was accepted. */
export type FindKey = JWTVerifyGetKey;

/** Prefixes of the algorithms that a type of public key can verify (RFC 7518, RFC 8037). */
const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  rsa: ["RS", "PS"],
  "rsa-pss": ["PS"],
  ec: ["ES"],
  ed25519: ["EdDSA"],
};

/** Makes the key of an HMAC. */
export const secretKey = (secret: string): KeyObject => createSecretKey(secret, "utf8");

/**
 * Makes the lookup of keys that verify tokens.
 * @throws TidingsError `bad_request` when the source is not a key, or none of the algorithms fits it
 */
export function keysOf(
  source: JwtKeySource,
  algorithms: readonly string[],
  published: PublishedKeysOptions,
): FindKey {
  if (source.jwksUrl !== undefined) {
    const keys = new PublishedKeys(source.jwksUrl, published);
    return (header, token) => keys.find(header, token);
  }
  const key =
    source.secret === undefined ? publicKey(source.publicKey ?? "", algorithms) : secretKey(source.secret);
  return async () => key;
}

function publicKey(pem: string, algorithms: readonly string[]): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new TidingsError("bad_request", "jwt.publicKey: expected a public key or certificate in PEM", {
      cause,
    });
  }
  const type = key.asymmetricKeyType ?? "unknown";
  const families = FAMILIES[type] ?? [];
  if (algorithms.some((algorithm) => families.some((family) => algorithm.startsWith(family)))) return key;
  throw new TidingsError(
    "bad_request",
    `jwt.algorithms: none of ${algorithms.join(", ")} fits a key of type ${type}`,
  );
}
