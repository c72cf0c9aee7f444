import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { countOf, Dialog, Field, Notice, sentence, type Tone } from "../../../shared/shared.ts";
import { isSendableUrl } from "../../model/content.ts";
import { useChat } from "../context.ts";
import { Portrait } from "../person/Portrait.tsx";

/** The user's own account: profile, password, and the way out. */
export function Settings({ onClose }: { onClose: () => void }): VNode {
  return (
    <Dialog title="Your account" onClose={onClose}>
      <ProfileForm />
      <PasswordForm />
      <LogOut />
    </Dialog>
  );
}

function ProfileForm(): VNode {
  const { chat, state } = useChat();
  const me = state.me.value;
  const [name, setName] = useState(me.name);
  const [picture, setPicture] = useState(me.picture ?? "");
  const [isSaved, setSaved] = useState(false);
  const url = picture.trim();
  const isBad = url !== "" && !isSendableUrl(url);
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBad) return;
    const saved = await chat.act("chat.update", { name: name.trim(), picture: url === "" ? null : url });
    setSaved(saved !== undefined);
  };
  return (
    <form class="part" onSubmit={(event) => void save(event)}>
      <div class="row">
        <Portrait person={{ ...me, name: name || me.user, picture: isBad ? undefined : url || undefined }} />
        <span class="muted">
          You are <strong dir="auto">{me.user}</strong>
        </span>
      </div>
      <Field label="Name" value={name} onValue={setName} required maxLength={100} autocomplete="name" />
      <Field
        label="Address of your picture"
        value={picture}
        onValue={setPicture}
        inputMode="url"
        placeholder="https://…"
        error={isBad ? "Expected an address that begins with https://" : undefined}
      />
      <div class="row">
        <button type="submit" disabled={name.trim() === ""}>
          Save profile
        </button>
        <span class="muted" role="status">
          {isSaved && "Saved"}
        </span>
      </div>
    </form>
  );
}

function PasswordForm(): VNode {
  const { page, chat, state } = useChat();
  const [password, setPassword] = useState("");
  const [newPassword, setNewPassword] = useState("");
  const [result, setResult] = useState<{ tone: Tone; text: string }>();
  const change = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      page.session.keep(await chat.ask("chat.password", { password, newPassword }));
      setPassword("");
      setNewPassword("");
      setResult({ tone: "good", text: "Your password is changed. Other devices have to log in again." });
    } catch (error) {
      setResult({ tone: "bad", text: sentence(error instanceof Error ? error.message : String(error)) });
    }
  };
  return (
    <form class="part" onSubmit={(event) => void change(event)}>
      <h3>Password</h3>
      {/* Password managers look for the account that the password is of. */}
      <input
        class="unseen"
        autocomplete="username"
        value={state.user}
        readOnly
        tabIndex={-1}
        aria-hidden="true"
      />
      <Field
        label="Present password"
        type="password"
        value={password}
        onValue={setPassword}
        required
        autocomplete="current-password"
      />
      <Field
        label="New password"
        type="password"
        value={newPassword}
        onValue={setNewPassword}
        required
        minLength={8}
        maxLength={256}
        autocomplete="new-password"
      />
      {result && <Notice tone={result.tone}>{result.text}</Notice>}
      <button type="submit">Change password</button>
    </form>
  );
}

function LogOut(): VNode {
  const { page, chat } = useChat();
  const waiting = chat.outbox.pending.value.length;
  return (
    <div class="part">
      {waiting > 0 && <Notice tone="busy">{countOf(waiting, "message")} not sent yet would be lost.</Notice>}
      <button type="button" class="danger" onClick={() => page.logOut()}>
        {waiting > 0 ? "Log out anyway" : "Log out"}
      </button>
    </div>
  );
}
