import type { VNode } from "preact";
import { countOf } from "../../../shared/shared.ts";
import type { MarkEntry } from "../../model/conversation.ts";

/** Shows a mark between two messages. */
export function Mark({ entry: { mark, count } }: { entry: MarkEntry }): VNode {
  return mark === "lost" ? (
    <p class="mark bad">Messages before this are lost</p>
  ) : (
    <p class="mark good">Caught up: {countOf(count, "message")}</p>
  );
}
