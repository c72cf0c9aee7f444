import type { EventMap, Hub, Operation } from "../../index.ts";
import type { OutboxMessage } from "../row.ts";
import { errorsOf, type Publish } from "./publish.ts";

/** Publishes through a hub of this process. */
export const localHub =
  (hub: Pick<Hub<EventMap>, "batch">): Publish =>
  async (messages) =>
    errorsOf(await hub.batch(messages.map(operationOf)), messages.length);

const operationOf = ({ target, type, data, key, from }: OutboxMessage): Operation =>
  target.to === undefined && target.group === undefined
    ? { op: "broadcast", type, data, key, from }
    : { op: "send", ...target, type, data, key, from };
