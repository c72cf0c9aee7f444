import { Calls } from "./calls.ts";
import { Channels } from "./channels.ts";
import { channelOfMessage, type Fields, fieldsAt, namedChannel, numberAt, textAt } from "./fields.ts";
import type { Frame } from "./frame.ts";

/** The part of a frame that its fields tell. */
export type Meaning = Pick<Frame, "kind" | "name" | "channel" | "offset" | "tookMs">;

/** Kinds of actions that have a meaning in the protocol. All others are `request`. */
const KINDS: Readonly<Record<string, string>> = {
  "robot.login": "login",
  "robot.ping": "ping",
  "message.ack": "ack",
};

/** Kinds of replies. All others are `reply`. */
const ANSWERS: Readonly<Record<string, string>> = { message: "receipt", ping: "pong" };

/** Reads what frames mean, as docs/PROTOCOL.md says, and follows calls and positions by them. */
export class Reader {
  readonly calls = new Calls();
  readonly channels = new Channels();

  out(fields: Fields, at: number): Meaning {
    const { id } = fields;
    const meaning = outMeaning(fields);
    if (typeof id === "number" || typeof id === "string") this.calls.sent({ id, at, ...meaning });
    return meaning;
  }

  in(fields: Fields, at: number): Meaning {
    const type = textAt(fields, "type");
    if (type === "pong") return { kind: "pong", name: "" };
    if (type !== undefined) return this.#message(fields, type);
    const event = textAt(fields, "event");
    if (event !== undefined) return this.#event(fields, event);
    if ("data" in fields || "error" in fields) return this.#reply(fields, at);
    return { kind: "unknown", name: "" };
  }

  #message(fields: Fields, name: string): Meaning {
    const channel = channelOfMessage(fields);
    const offset = numberAt(fields, "offset");
    if (offset !== undefined) this.channels.received(channel, offset);
    return { kind: "message", name, channel, offset };
  }

  #event(fields: Fields, event: string): Meaning {
    const channel = namedChannel(fields);
    const offset = numberAt(fields, "offset");
    if (event === "position" && channel !== undefined) {
      const recovered = fields.recovered !== false;
      const isMissed = fields.missed === true;
      const epoch = textAt(fields, "epoch");
      this.channels.update(channel, { epoch, recovered, ...(isMissed ? {} : { received: offset }) });
    }
    if (event === "acked") return { kind: event, name: "", channel: channelOfMessage(fields), offset };
    return { kind: event, name: textAt(fields, "code") ?? textAt(fields, "user") ?? "", channel, offset };
  }

  #reply(fields: Fields, at: number): Meaning {
    const call = this.calls.answered(fields.id);
    const { channel } = call ?? {};
    const tookMs = call && at - call.at;
    if ("error" in fields) {
      const code = textAt(fieldsAt(fields, "error"), "code") ?? "";
      return { kind: "error", name: [code, call?.name].filter(Boolean).join(" · "), channel, tookMs };
    }
    const data = fieldsAt(fields, "data");
    const offset = numberAt(data, "offset");
    const epoch = textAt(data, "epoch");
    if (call?.kind === "message" && channel !== undefined && offset !== undefined)
      this.channels.update(channel, { epoch, sent: offset });
    if (call?.kind === "ack" && channel !== undefined) this.channels.update(channel, { cursor: offset });
    const kind = ANSWERS[call?.kind ?? ""] ?? "reply";
    const name = kind === "receipt" ? [call?.name, textAt(data, "state")].join(" · ") : (call?.name ?? "");
    return { kind, name, channel, offset, tookMs };
  }
}

function outMeaning(fields: Fields): Meaning {
  const type = textAt(fields, "type");
  const action = textAt(fields, "action");
  if (type === "ping") return { kind: "ping", name: "" };
  if (type !== undefined) return { kind: "message", name: type, channel: channelOfMessage(fields) };
  if (action === undefined) return { kind: "unknown", name: "" };
  const data = fieldsAt(fields, "data");
  const kind = Object.hasOwn(KINDS, action) ? (KINDS[action] ?? "request") : "request";
  return { kind, name: action, channel: namedChannel(data), offset: numberAt(data, "offset") };
}
