import type { Connection } from "../local/local.ts";
import { type ClientMessage, channelOf } from "../protocol/protocol.ts";
import { type Hooks, type Publisher, type Receipt, userKey } from "../publish/publish.ts";
import type { Policy } from "./policy/policy.ts";

export interface SendingPorts {
  readonly publisher: Publisher;
  readonly hooks: Hooks;
  readonly policy: Pick<Policy, "assert">;
}

/** Prepares a client's message for the publisher: policy, `message` hook, and `from` set by the server. */
export class Sending {
  readonly #ports: SendingPorts;

  constructor(ports: SendingPorts) {
    this.#ports = ports;
  }

  /**
   * @returns a function that publishes the message
   * @throws TidingsError `forbidden` by the policy, or the error that the message hook throws
   */
  async prepare(connection: Connection, message: ClientMessage): Promise<() => Promise<Receipt>> {
    const { publisher, policy } = this.#ports;
    const channel = channelOf(message);
    await policy.assert(connection, "send", channel);
    const { type, data } = await this.#withHook(connection, message);
    const { ephemeral, ack, timeoutMs, count } = message;
    const key = userKey(connection.user, message.key);
    const { user } = connection;
    return () =>
      publisher.publishFrom(
        user,
        { channel, type, data, from: user, ephemeral },
        { key, ack, timeoutMs, count },
      );
  }

  async #withHook(connection: Connection, message: ClientMessage): Promise<{ type: string; data: unknown }> {
    const { hooks } = this.#ports;
    let { type, data } = message;
    if (!hooks.has("message")) return { type, data };
    const { to, group, ephemeral } = message;
    for (const answer of await hooks.ask("message", {
      connection,
      message: { type, data, to, group, ephemeral },
    })) {
      if (typeof answer !== "object" || answer === null) continue;
      if ("type" in answer && typeof answer.type === "string") type = answer.type;
      if ("data" in answer) data = answer.data;
    }
    return { type, data };
  }
}
