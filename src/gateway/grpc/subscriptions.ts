import { create, type DescMethod, type FileRegistry, type Message } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { HandlerContext } from "@connectrpc/connect";
import type { StoredMessage } from "../../backplane/backplane.ts";
import { parseChannel, TidingsError, targetOf } from "../../protocol/protocol.ts";
import type { ListenEvent, Listeners, ListenFrom } from "../../publish/publish.ts";
import type { GrpcCounts } from "../metrics/metrics.ts";
import type { Errors } from "./errors.ts";
import { messageOf } from "./schema.ts";

export interface SubscriptionsPorts {
  readonly schema: FileRegistry;
  readonly errors: Errors;
  readonly listeners: Listeners;
  readonly counts: GrpcCounts;
  /** Streams of this node. */
  readonly maxStreams: number;
  /** Aborted when the node drains: the streams end, and go on at another node. */
  readonly draining: AbortSignal;
}

/** Start of a stream, as the request has it. */
interface Start {
  readonly case: string | undefined;
  readonly value: unknown;
}

/** Streams of channels: the method Subscribe. */
export class Subscriptions {
  readonly #ports: SubscriptionsPorts;

  constructor(ports: SubscriptionsPorts) {
    this.#ports = ports;
  }

  /**
   * Streams the stored messages of a channel until the caller or the node ends it.
   * @param assertReadable rejects for a caller who may not read the channel's history
   * @throws ConnectError
   */
  async *subscribe(
    { output }: DescMethod,
    request: Message,
    { signal }: HandlerContext,
    assertReadable: (channel: string) => Promise<void>,
  ): AsyncGenerator<Message> {
    const { errors, listeners, draining, counts } = this.#ports;
    const { channel, start } = request as Message & { readonly channel: string; readonly start: Start };
    let isCounted = false;
    try {
      await assertReadable(channel);
      this.#assertRoom();
      counts.streams++;
      isCounted = true;
      const ended = AbortSignal.any([signal, draining]);
      for await (const event of listeners.listen(parseChannel(channel), startFrom(start), ended))
        yield this.#response(output, event);
    } catch (thrown) {
      throw errors.from(thrown);
    } finally {
      if (isCounted) counts.streams--;
    }
  }

  /** @throws TidingsError `unavailable` */
  #assertRoom(): void {
    const { counts, maxStreams, draining } = this.#ports;
    if (draining.aborted) throw new TidingsError("unavailable", "the node is closing");
    if (counts.streams < maxStreams) return;
    throw new TidingsError("unavailable", `the node has no room for more than ${maxStreams} streams`);
  }

  #response(output: DescMethod["output"], { position, message, lost }: ListenEvent): Message {
    const { schema } = this.#ports;
    const { epoch, offset, id = "" } = position;
    return create(output, {
      position: { epoch, offset: BigInt(offset), id },
      message: message && pushMessage(schema, message).message,
      lost,
    } as Record<string, unknown>); // as the .proto says
  }
}

function startFrom({ case: kind, value }: Start): ListenFrom {
  if (kind === "first" && value === true) return "first";
  if (kind === "last") return { last: whole("last", value, 1) };
  if (kind === "since") return { since: whole("since", value, 0) };
  if (kind !== "after") return "now";
  const { epoch, offset, id } = value as {
    readonly epoch: string;
    readonly offset: bigint;
    readonly id: string;
  };
  return { epoch, offset: whole("after.offset", offset, 0), id: id === "" ? undefined : id };
}

/** @throws TidingsError `bad_request` */
function whole(name: string, value: unknown, least: number): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= least) return number;
  throw new TidingsError("bad_request", `${name}: expected a whole number from ${least}`);
}

/** A stored message as `tidings.v1.Message`. Its data are the text that was published. */
function pushMessage(schema: FileRegistry, message: StoredMessage): ReflectMessage {
  const { type, body, timestamp, from, channel, recipient, id, offset, change } = message;
  const made = reflect(messageOf(schema, "tidings.v1.Message"));
  const fields: Readonly<Record<string, string | number | undefined>> = {
    ...{ type, data_json: body, timestamp, from, ...targetOf(channel), recipient, id, offset },
    edited_at: change?.deleted === false ? change.at : undefined,
    deleted_at: change?.deleted === true ? change.at : undefined,
  };
  for (const field of made.fields) {
    const value = fields[field.name];
    if (value !== undefined) made.set(field, typeof value === "number" ? BigInt(value) : value);
  }
  return made;
}
