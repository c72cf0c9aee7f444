import { createHmac, timingSafeEqual } from "node:crypto";
import type { Channel } from "../../protocol/protocol.ts";

/** Separates an epoch from its proof. No backplane has it in an epoch. */
const MARK = "~";

/** Characters of a proof, 132 bits: more would only make each frame longer. */
const PROOF_LENGTH = 22;

/** Subject of a proof: the server has told this user a position of the history, and none before this offset. */
export interface Sealed {
  readonly user: string;
  readonly channel: Channel;
  readonly epoch: string;
  readonly offset: number;
}

/** An epoch that a client has named, in its parts. */
export interface NamedEpoch {
  readonly epoch: string;
  /** Absent from an epoch without a proof. */
  readonly proof?: { readonly offset: number; readonly text: string };
}

/** The epoch with a proof, opaque to clients: `<epoch>~<offset, base 36>.<proof>`. */
export const sealedEpoch = (key: Buffer, sealed: Sealed): string =>
  `${sealed.epoch}${MARK}${sealed.offset.toString(36)}.${proofOf(key, sealed)}`;

export function parseEpoch(text: string): NamedEpoch {
  const [, epoch, offset, proof] = /^([^~]*)~([0-9a-z]{1,11})\.([\w-]+)$/.exec(text) ?? [];
  if (epoch === undefined || offset === undefined || proof === undefined) return { epoch: text };
  return { epoch, proof: { offset: Number.parseInt(offset, 36), text: proof } };
}

/** An epoch as the backplane knows it. */
export const bareEpoch = (text: string): string => parseEpoch(text).epoch;

export function isProof(key: Buffer, sealed: Sealed, proof: string): boolean {
  const expected = Buffer.from(proofOf(key, sealed));
  const given = Buffer.from(proof);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** JSON, so that no two different things have one text. */
const proofOf = (key: Buffer, { user, channel, epoch, offset }: Sealed): string =>
  createHmac("sha256", key)
    .update(JSON.stringify([user, channel, epoch, offset]))
    .digest("base64url")
    .slice(0, PROOF_LENGTH);
