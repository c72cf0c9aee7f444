import type { RateCounter } from "../../limit/limit.ts";
import { Attachment } from "../../local/local.ts";
import type { SharedCounter } from "./counters.ts";
import type { RefusedPlace } from "./place.ts";

/** Counters of one connection, each made when it is needed: a connection that says nothing has none. */
export class ClientLimits extends Attachment {
  own: RateCounter | undefined;
  refusals: RateCounter | undefined;
  /** Places of messages that were refused on arrival, and when they were to be published. */
  arrival: RefusedPlace | undefined;
  publish: RefusedPlace | undefined;
  user: SharedCounter | undefined;
  /** Undefined also for an address that is not limited. */
  address: SharedCounter | undefined;
  /** Version of the limits with which `address` was chosen. */
  version = -1;
}
