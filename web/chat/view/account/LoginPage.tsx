import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { Field, hasTrait, Notice, Shell, sentence } from "../../../shared/shared.ts";
import type { Session } from "../../model/session/session.ts";

/** Logs in, or makes an account. */
export function LoginPage({ session }: { session: Session }): VNode {
  const [isNew, setNew] = useState(false);
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await session.begin(isNew ? "register" : "login", user.trim(), password);
    } catch (thrown) {
      setError(sentence(thrown instanceof Error ? thrown.message : String(thrown)));
      setBusy(false);
    }
  };
  const turn = (): void => {
    setNew(!isNew);
    setError(undefined);
  };
  return (
    <Shell page="chat">
      <div class="login">
        <form class="card" onSubmit={(event) => void submit(event)}>
          <h1>{isNew ? "Create an account" : "Log in to the chat"}</h1>
          {session.ended.value !== undefined && <Notice tone="busy">{session.ended.value}</Notice>}
          {error !== undefined && <Notice tone="bad">{error}</Notice>}
          <Field
            label="User name"
            value={user}
            onValue={setUser}
            required
            maxLength={64}
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            hint={isNew ? "Others find you by it. It cannot be changed later." : undefined}
          />
          <Field
            label="Password"
            type="password"
            value={password}
            onValue={setPassword}
            required
            minLength={isNew ? 8 : undefined}
            maxLength={256}
            autocomplete={isNew ? "new-password" : "current-password"}
            hint={isNew ? "At least 8 characters." : undefined}
          />
          <button type="submit" class="primary" disabled={isBusy}>
            {isNew ? "Create account" : "Log in"}
          </button>
          <p class="muted">
            {isNew ? "You have an account?" : "You are new here?"}{" "}
            <button type="button" class="link" onClick={turn}>
              {isNew ? "Log in instead" : "Create an account"}
            </button>
          </p>
          {hasTrait("development") && (
            <p class="hint">Development mode: accounts are as lasting as the server's data.</p>
          )}
        </form>
      </div>
    </Shell>
  );
}
