import type { Appended, Message } from "../../backplane/backplane.ts";
import type { PublisherPorts, PublishTracing } from "../ports.ts";

type Ports = Pick<PublisherPorts, "backplane" | "tracing">;

/** Appends a message to its history, in a span when it is sampled. */
export const append = ({ backplane, tracing }: Ports, message: Message, key?: string): Promise<Appended> =>
  tracing === undefined || message.trace === undefined
    ? backplane.broker.append(message, key)
    : appendTraced(backplane, tracing, message, key);

/** A function of its own: a closure makes V8 allocate a context at each call of the function around it. */
const appendTraced = (
  { broker }: Ports["backplane"],
  tracing: PublishTracing,
  message: Message,
  key: string | undefined,
): Promise<Appended> => tracing.append(message, () => broker.append(message, key));

/** Hands an ephemeral message to the backplane, and tells of it when it is sampled. */
export const relay = ({ backplane, tracing }: Ports, message: Message): number | Promise<number> =>
  tracing === undefined || message.trace === undefined
    ? backplane.broker.relay(message)
    : relayTraced(backplane, tracing, message);

function relayTraced(
  { broker }: Ports["backplane"],
  tracing: PublishTracing,
  message: Message,
): number | Promise<number> {
  const startedAt = performance.now();
  const relayed = (nodes: number): number => {
    tracing.relayed(message, nodes, startedAt);
    return nodes;
  };
  const nodes = broker.relay(message);
  return nodes instanceof Promise ? nodes.then(relayed) : relayed(nodes);
}
