import type { BuiltinPorts } from "./builtin.ts";
import { groupActions } from "./group.ts";
import { messageActions } from "./message.ts";
import { presenceActions } from "./presence.ts";
import { robotActions } from "./robot.ts";

/** Registers the built-in actions, which every hub has. */
export function builtinActions(ports: BuiltinPorts): void {
  robotActions(ports);
  groupActions(ports);
  messageActions(ports);
  presenceActions(ports);
}

export {
  channelSchema,
  idSchema,
  type LoginData,
  loginSchema,
  offsetSchema,
  type RenewLogin,
} from "./builtin.ts";
export { Declaration, declaredAction, messageCheck } from "./declared.ts";
export { Inbound } from "./inbound.ts";
export { type Holding, InboundBytes } from "./inbound-bytes.ts";
export {
  LIMIT_NAMES,
  type LimitCounts,
  type LimitRates,
  Limits,
  limitNotice,
} from "./limits/limits.ts";
export { historySchema } from "./message.ts";
export {
  type Authorize,
  defaultPolicy,
  Policy,
  type PolicyRequest,
  type PolicySettings,
  policySettings,
  reviewer,
} from "./policy/policy.ts";
export { ReadAhead } from "./read-ahead.ts";
export {
  type ActionContext,
  type ActionHandler,
  type DeclaredHandler,
  type Middleware,
  Router,
} from "./router.ts";
export { Sending } from "./sending.ts";
