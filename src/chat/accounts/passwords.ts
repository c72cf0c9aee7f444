import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { TidingsError } from "../../index.ts";
import { Semaphore } from "../../protocol/protocol.ts";

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** Cost of a hash, by the table of OWASP's Password Storage Cheat Sheet: 32 MiB, and some 200 ms in a thread of libuv. */
const COST = { N: 32_768, r: 8, p: 3 } as const;
const LENGTH = 32;

/** Hashes at a time: libuv has four threads, which files and names need as well. */
const turns = new Semaphore(2);

/** Hashes that wait, before further ones are refused. */
const MOST_WAITING = 200;

/** Hashes of one client at a time, and those that wait behind them. */
const OF_CLIENT = 2;
const MOST_OF_CLIENT = 50;

const lanes = new Map<string, Semaphore>();

/**
 * Runs work with a hash in the turn of its client: whoever logs in again and again waits for himself, and the others do not.
 * @throws TidingsError `unavailable` when too many wait
 */
export async function inTurn<Result>(client: string, work: () => Promise<Result>): Promise<Result> {
  const lane = lanes.get(client) ?? new Semaphore(OF_CLIENT);
  if (turns.waiting >= MOST_WAITING || lane.waiting >= MOST_OF_CLIENT)
    throw new TidingsError("unavailable", "too many logins wait now: try again", { retryAfterMs: 2_000 });
  lanes.set(client, lane);
  await lane.acquire();
  try {
    return await work();
  } finally {
    lane.release();
    if (lane.isIdle) lanes.delete(client);
  }
}

/** Hashes a password by scrypt (RFC 7914). @returns cost, salt and hash as one text */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derived(password, salt, COST);
  const { N, r, p } = COST;
  return ["scrypt", N, r, p, salt.toString("base64url"), hash.toString("base64url")].join("$");
}

/**
 * Compares a password with a hash. Takes as long without a hash, so that the time does not tell which accounts there are.
 * @param stored of {@link hashPassword}, which may be of another cost; undefined when there is none
 */
export async function isPassword(password: string, stored: string | undefined): Promise<boolean> {
  const [, N = COST.N, r = COST.r, p = COST.p, salt = "", hash = ""] = stored?.split("$") ?? [];
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const given = await derived(password, Buffer.from(salt, "base64url"), cost);
  const expected = stored === undefined ? Buffer.alloc(LENGTH) : Buffer.from(hash, "base64url");
  return timingSafeEqual(given, expected) && stored !== undefined;
}

async function derived(
  password: string,
  salt: Buffer,
  { N, r, p }: { N: number; r: number; p: number },
): Promise<Buffer> {
  await turns.acquire();
  try {
    // One password typed on two systems may be composed in two ways (RFC 8265).
    return await derive(password.normalize("NFC"), salt, LENGTH, { N, r, p, maxmem: 256 * N * r });
  } finally {
    turns.release();
  }
}
