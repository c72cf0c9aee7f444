import type { VNode } from "preact";
import { useId, useState } from "preact/hooks";
import { isId } from "../../../../src/protocol/protocol.ts";

interface Props {
  readonly label: string;
  readonly value: string;
  readonly onUser: (user: string) => void;
}

/** Form for a user's name. */
export function UserForm({ label, value, onUser }: Props): VNode {
  const [user, setUser] = useState(value);
  const id = useId();
  const submit = (event: Event): void => {
    event.preventDefault();
    if (isId(user.trim())) onUser(user.trim());
  };
  return (
    <form class="field" onSubmit={submit}>
      <label for={id}>{label}</label>
      <div class="row">
        <input
          id={id}
          name="user"
          value={user}
          maxLength={255}
          required
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          onInput={({ currentTarget }) => setUser(currentTarget.value)}
        />
        <button type="submit" class="primary">
          Connect
        </button>
      </div>
    </form>
  );
}
