import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { isId } from "../../../../src/protocol/protocol.ts";
import { useChat } from "../context.ts";

/** Form that opens a group. Opening it joins it, and creates it when it has no members. */
export function JoinGroup(): VNode {
  const { page } = useChat();
  const [group, setGroup] = useState("");
  const join = (event: Event): void => {
    event.preventDefault();
    if (!isId(group.trim())) return;
    page.open(`group:${group.trim()}`);
    setGroup("");
  };
  return (
    <form class="row join" onSubmit={join}>
      <input
        aria-label="Group to join"
        placeholder="Name of a group"
        name="group"
        value={group}
        maxLength={255}
        required
        autocomplete="off"
        autocapitalize="off"
        onInput={({ currentTarget }) => setGroup(currentTarget.value)}
      />
      <button type="submit">Join</button>
    </form>
  );
}
