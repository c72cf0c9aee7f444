import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { Field, Icon, Notice, sentence } from "../../shared/shared.ts";
import type { ApiError } from "../model/api.ts";
import type { Session, SessionState } from "../model/session.ts";

interface Props {
  readonly session: Session;
  readonly state: Exclude<SessionState, { state: "open" }>;
}

/** Asks for an API key. */
export function Login({ session, state }: Props): VNode {
  const [key, setKey] = useState("");
  const isOpening = state.state === "opening";
  const error = state.state === "closed" ? state.error : undefined;
  const submit = (event: Event): void => {
    event.preventDefault();
    void session.open(key.trim());
  };
  return (
    <form class="login card" onSubmit={submit}>
      <h1 class="row">
        <Icon name="key" />
        Console
      </h1>
      <p class="muted">
        What happens in the hub, live: nodes, users, groups and messages. It needs an API key with the scope{" "}
        <code>admin</code>.
      </p>
      {error !== undefined && <Notice tone="bad">{explained(error)}</Notice>}
      <Field
        label="API key"
        type="password"
        value={key}
        onValue={setKey}
        required
        autocomplete="off"
        spellcheck={false}
        hint="This tab keeps it until you log out or close the tab."
      />
      <button type="submit" class="primary" disabled={isOpening}>
        {isOpening ? "Opening…" : "Open the console"}
      </button>
    </form>
  );
}

function explained({ status, message }: ApiError): string {
  if (status === 401) return "This key is not valid.";
  if (status === 403) return `This key may not open the console. ${sentence(message)}`;
  if (status === 429) return `Too many requests. ${sentence(message)}`;
  return sentence(message);
}
