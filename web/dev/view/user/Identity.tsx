import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { Avatar } from "../../../shared/shared.ts";
import { writeAddress } from "../../model/address.ts";
import { useChat } from "../context.ts";
import { UserForm } from "./UserForm.tsx";

/** Shows the user of this tab, with a form to change it. */
export function Identity(): VNode {
  const { page, state } = useChat();
  const [isChanging, setChanging] = useState(false);
  const { user } = state;
  const platform = state.welcome.value?.platform;
  const other = user === "bob" ? "alice" : "bob";
  return (
    <>
      <div class="identity">
        <Avatar name={user} />
        <div class="names">
          <strong class="name" title={user}>
            {user}
          </strong>
          <span class="muted">{platform === undefined ? "you" : `you · ${platform}`}</span>
        </div>
        <button type="button" aria-expanded={isChanging} onClick={() => setChanging(!isChanging)}>
          Switch
        </button>
      </div>
      {isChanging && <UserForm label="Connect as" value={user} onUser={(name) => page.beUser(name)} />}
      <a
        class="second-tab"
        href={writeAddress({ user: other, conversation: `user:${user}` })}
        target="_blank"
        rel="noreferrer"
      >
        Open a second tab as {other} ↗
      </a>
    </>
  );
}
