/**
 * The server's part of the page `/console`. Consoles log in with tokens of the hub's own, which `POST /console/session` gives to callers
 * with an API key of the scope `admin`, and watch the cluster by the action `console.watch`. Everything else they do by the HTTP API.
 */
import { z } from "zod";
import type { ActionHandler, Router } from "../actions/actions.ts";
import type { Backplane, Questions } from "../backplane/backplane.ts";
import type { Local } from "../local/local.ts";
import { TidingsError } from "../protocol/protocol.ts";
import { EVENT_KINDS, type EventSources, EventTails } from "./events.ts";
import { Feed } from "./feed.ts";
import { isConsole } from "./token.ts";

/** Longest text of a filter. */
const MAX_TEXT = 261;

const watchSchema = z.object({
  overview: z.boolean().optional(),
  events: z
    .object({
      kinds: z.array(z.enum(EVENT_KINDS)).max(EVENT_KINDS.length).optional(),
      text: z.string().max(MAX_TEXT).optional(),
    })
    .optional(),
});

export interface ConsoleParts extends EventSources {
  readonly questions: Questions;
  readonly backplane: Pick<Backplane, "presence">;
  readonly router: Pick<Router, "action">;
  readonly local: Pick<Local, "find">;
}

/**
 * Lets consoles watch, and this node tell of its events.
 * @returns the tails of events, to be told of what hooks do not tell
 */
export function serveConsoles({ questions, backplane, router, local, ...sources }: ConsoleParts): EventTails {
  const tails = new EventTails(sources);
  tails.answer(questions);
  const feed = new Feed({ questions, node: sources.node, presence: backplane.presence });
  const watch: ActionHandler<z.infer<typeof watchSchema>> = ({ connection }, watched) => {
    const found = local.find(connection);
    if (found === undefined || !isConsole(found))
      throw new TidingsError(
        "forbidden",
        "console.watch needs the token of a console (POST /console/session)",
      );
    feed.watch(found, watched);
    return {};
  };
  router.action("console.watch", watchSchema, watch, { isForConfined: true });
  return tails;
}

export type { EventTails } from "./events.ts";
export { type ConsoleLogin, ConsoleTokens, isConsole, withConsoles } from "./token.ts";
