import { type Authorize, Policy, policySettings } from "./actions/actions.ts";
import { type Backplane, type Questions, Retention } from "./backplane/backplane.ts";
import type { Config } from "./config/config.ts";
import { isConsole } from "./console/console.ts";
import type { Local } from "./local/local.ts";
import { PositionGuard, PositionKey, type Publisher } from "./publish/publish.ts";
import { type FlightRecorder, questionOf, replyOf, Why } from "./why/why.ts";

interface PolicyBasis {
  readonly config: Config;
  readonly development: boolean;
  readonly recorder: FlightRecorder | undefined;
}

/** Makes the policy: the application's, or the default one with the settings of the configuration. */
export const makePolicy = (
  { config, development, recorder }: PolicyBasis,
  local: Local,
  backplane: Backplane,
  authorize: Authorize | undefined,
): Policy =>
  new Policy({
    settings: policySettings(config.policy, development),
    development,
    timeoutMs: config.timeouts.hookMs,
    local,
    backplane,
    authorize,
    isConfined: isConsole,
    recorder,
  });

interface WhyBasis extends PolicyBasis {
  readonly backplane: Backplane;
  readonly node: string;
  readonly questions: Questions;
}

/** Makes what explains why messages did not arrive. It asks the policy, as clients would, about groups that a user has not joined. */
export function makeWhy(
  { config, questions, node, backplane, recorder }: WhyBasis,
  policy: Policy,
  local: Local,
  publisher: Publisher,
): Why {
  const { count, ageMs, channelBytes: bytes, channels } = config.history;
  const retention = new Retention({ count, ageMs, bytes }, channels);
  const why = new Why({
    ...{ node, backplane, local, recorder },
    isPublisher: (id) => publisher.isOwn(id),
    ageMsOf: (channel) => retention.of(channel).ageMs,
    async refusal(connection, channel) {
      try {
        if ((await policy.allows(connection, "join", channel)) === true) return undefined;
      } catch {
        return undefined; // a policy that fails has refused nothing
      }
      return policy.refusal(connection, "join", channel);
    },
    ask: async (question) => (await questions.askAll({ kind: "why", ...question })).map(replyOf),
  });
  questions.answer("why", (question) => why.answer(questionOf(question)));
  return why;
}

/** Makes the key of the proofs in positions and in the tokens of consoles. All nodes share it. */
export const makeKey = (
  { cluster }: Backplane,
  report: (stage: string, error: unknown) => void,
): PositionKey => new PositionKey((value) => cluster.propose("positionKey", value), report);

/** Makes what checks the positions of clients. */
export const makePositions = (policy: Policy, key: PositionKey): PositionGuard =>
  new PositionGuard(key, (connection, channel) => policy.mayResume(connection, channel));
