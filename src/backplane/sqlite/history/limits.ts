import { Retention, type RetentionRules } from "../../retention/retention.ts";

export interface HistoryLimits {
  /** Messages per channel. @default 1_000 */
  readonly count: number;
  /** Milliseconds. @default 604_800_000 // 7 days */
  readonly ageMs: number;
  /** Size of the messages of one channel, in bytes. @default 16_777_216 // 16 MiB */
  readonly channelBytes?: number | undefined;
  /** Retention of some channels. @default as that of all others */
  readonly channels?: RetentionRules | undefined;
  /** Size of the messages of all channels, in bytes. @default 10_737_418_240 // 10 GiB */
  readonly totalBytes?: number | undefined;
  /** Bytes at which a page ends early. @default 262_144 // 256 KiB */
  readonly pageBytes?: number | undefined;
  /** Devices of a user whose cursors a channel keeps. @default 32 */
  readonly devicesPerUser?: number | undefined;
}

/** Bytes below which a history is light. */
export const LIGHT_BYTES = 1_024;

/** Size of all arrivals, in bytes: at most this, and a small part of the limit of all histories, which do not count them. */
const ARRIVALS_BYTES = 8_388_608;
const ARRIVALS_SHARE = 1 / 64;

/** The limits of histories. */
export class Limits {
  readonly totalBytes: number;
  readonly arrivalsBytes: number;
  readonly pageBytes: number;
  readonly devicesPerUser: number;
  readonly retention: Retention;

  constructor(limits: HistoryLimits) {
    const { count, ageMs, channelBytes = 16_777_216 } = limits;
    this.totalBytes = limits.totalBytes ?? 10_737_418_240;
    this.arrivalsBytes = Math.min(ARRIVALS_BYTES, this.totalBytes * ARRIVALS_SHARE);
    this.pageBytes = limits.pageBytes ?? 262_144;
    this.devicesPerUser = limits.devicesPerUser ?? 32;
    this.retention = new Retention({ count, ageMs, bytes: channelBytes }, limits.channels);
  }
}
