import { parseRate, type Rate, type RateSource } from "../../limit/limit.ts";

/** Rates of what one client may do, as the configuration writes them: `200-M`, or `off`. */
export interface LimitRates {
  /** Addresses that no limit on addresses counts. */
  readonly whitelistCIDRs: readonly string[];
  readonly apiKeyRate: string;
  readonly connectsPerAddress: string;
  readonly loginsPerAddress: string;
  readonly loginsPerUser: string;
  readonly messagesPerConnection: string;
  readonly messagesPerUser: string;
  readonly messagesPerAddress: string;
  /** Rates by action. */
  readonly actionsPerUser: Readonly<Record<string, string>>;
  readonly refusalsPerConnection: string;
  readonly refusalsPerAddress: string;
}

/** Names of the limits with one rate each. */
export type RateName = Exclude<keyof LimitRates, "whitelistCIDRs" | "actionsPerUser">;

/** Rate that allows everything. Its window ends at once, so that keys are forgotten at the next sweep. */
const UNLIMITED: Rate = { text: "off", limit: Number.POSITIVE_INFINITY, unit: "S", windowMs: 0 };

export const rateOf = (text: string): Rate => (text === "off" ? UNLIMITED : parseRate(text));

/** A rate that all counters of a limit share, and that can be replaced while they count. */
export class LiveRate implements RateSource {
  rate: Rate;

  constructor(text: string) {
    this.rate = rateOf(text);
  }

  set(text: string): void {
    if (text !== this.rate.text) this.rate = rateOf(text);
  }
}
