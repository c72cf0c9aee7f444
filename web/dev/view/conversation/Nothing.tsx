import type { VNode } from "preact";
import { Notices } from "../connection/Notices.tsx";
import { useChat } from "../context.ts";

/** Shown while no conversation is selected. */
export function Nothing(): VNode {
  const { page } = useChat();
  return (
    <>
      <Notices />
      <div class="nothing">
        <h2>Choose a conversation</h2>
        <p>
          Write to one of the people who are online, join a group, or{" "}
          <a href={page.linkTo("all")}>write to everyone</a>.
        </p>
        <ol>
          <li>Open a second tab as another user, and let the two write to each other.</li>
          <li>Go offline in one of them, and write on from the other.</li>
          <li>Go online again, and see how it catches up.</li>
        </ol>
      </div>
    </>
  );
}
