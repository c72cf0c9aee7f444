import { useEffect, useState } from "preact/hooks";
import type { Requests } from "../../model/wire.ts";
import { useChat } from "../context.ts";

type Found = Requests["chat.search"]["reply"];

/** Time without a further letter after which the server is asked. */
const PAUSE_MS = 200;

/** Returns the users and open groups whose names have this text. Undefined without a text. */
export function useFound(text: string): Found | undefined {
  const { chat } = useChat();
  const [found, setFound] = useState<Found>();
  const sought = text.trim();
  useEffect(() => {
    if (sought === "") return setFound(undefined);
    let isCurrent = true;
    const timer = setTimeout(async () => {
      const reply = await chat.ask("chat.search", { text: sought, limit: 20 }).catch(() => undefined);
      if (isCurrent) setFound(reply ?? { users: [], groups: [] });
    }, PAUSE_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [chat, sought]);
  return found;
}
