/** The policy: what clients may do. */
export { Policy } from "./asking.ts";
export { defaultPolicy, policySettings } from "./default.ts";
export type { Authorize, PolicyRequest, PolicySettings } from "./request.ts";
export { type ReviewPorts, reviewer } from "./review.ts";
