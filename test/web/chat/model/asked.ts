import type { Ask, Requests } from "../../../../web/chat/model/wire.ts";

/** Replies of a server, by request. A reply may be a promise. */
type Replies = { readonly [Name in keyof Requests]?: (input: Requests[Name]["input"]) => unknown };

interface Call {
  readonly name: string;
  readonly input: object;
}

/** Makes a server that gives these replies, and notes what it is asked. */
export function asked(replies: Replies): { readonly ask: Ask; readonly calls: Call[] } {
  const calls: Call[] = [];
  const ask = async (name: keyof Requests, input: never): Promise<unknown> => {
    calls.push({ name, input });
    const reply = replies[name];
    if (reply === undefined) throw new Error(`${name}: no reply`);
    return reply(input);
  };
  return { ask: ask as Ask, calls };
}
