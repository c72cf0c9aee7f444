import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { Dialog, Field } from "../../../shared/shared.ts";
import { useChat } from "../context.ts";

/** Makes a group. */
export function NewGroup({ onClose }: { onClose: () => void }): VNode {
  const [isOpen, setOpen] = useState(false);
  const { chat } = useChat();
  const make = (name: string) => chat.act("chat.create", { name, open: isOpen, announce: "group" });
  return (
    <GroupDialog title="New group" verb="Create group" make={make} onClose={onClose}>
      <label class="check">
        <input
          type="checkbox"
          checked={isOpen}
          onChange={({ currentTarget }) => setOpen(currentTarget.checked)}
        />
        Anyone may find and join it
      </label>
    </GroupDialog>
  );
}

/** Makes a group of everybody who is online. */
export function Gather({ onClose }: { onClose: () => void }): VNode {
  const { chat, state } = useChat();
  return (
    <GroupDialog
      title="Everyone online into one group"
      verb="Make the group"
      name="Everyone"
      make={(name) => chat.act("chat.gather", { name })}
      onClose={onClose}
    >
      <p class="muted">{state.online.value.count} users are online now. All of them become members.</p>
    </GroupDialog>
  );
}

interface Props {
  readonly title: string;
  readonly verb: string;
  readonly name?: string;
  readonly make: (name: string) => Promise<{ group: string } | undefined>;
  readonly onClose: () => void;
  readonly children: VNode;
}

function GroupDialog({ title, verb, name: given = "", make, onClose, children }: Props): VNode {
  const { page, state } = useChat();
  const [name, setName] = useState(given);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    const made = await make(name.trim());
    setBusy(false);
    if (made === undefined) return;
    state.conversation(made.group);
    onClose();
    page.open(made.group);
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="part" onSubmit={(event) => void submit(event)}>
        <Field label="Name of the group" value={name} onValue={setName} required maxLength={100} autofocus />
        {children}
        <button type="submit" class="primary" disabled={isBusy || name.trim() === ""}>
          {verb}
        </button>
      </form>
    </Dialog>
  );
}
