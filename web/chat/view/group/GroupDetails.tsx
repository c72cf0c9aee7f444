import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Dialog, Field } from "../../../shared/shared.ts";
import type { Conversation, Info } from "../../model/conversation.ts";
import { useChat } from "../context.ts";
import { Invite } from "./Invite.tsx";
import { Members } from "./Members.tsx";

/** A group: its members, and what the user may do with it. */
export function GroupDetails({ conversation, info }: { conversation: Conversation; info: Info }): VNode {
  const manages = info.role !== "member";
  return (
    <>
      {manages && <EditGroup info={info} />}
      {manages && <Invite group={info.group} />}
      <Members conversation={conversation} info={info} />
      <Ends info={info} />
    </>
  );
}

/** Name of a group, and whether anyone may join it. */
function EditGroup({ info: { group, name: given } }: { info: Info }): VNode {
  const { chat } = useChat();
  const [name, setName] = useState(given);
  const [isOpen, setOpen] = useState<boolean>();
  useEffect(() => {
    chat.ask("chat.group", { group }).then(
      ({ open }) => setOpen(open),
      () => undefined, // without a connection the switch is not there
    );
  }, [chat, group]);
  const rename = (event: Event): void => {
    event.preventDefault();
    void chat.act("chat.edit", { group, name: name.trim() });
  };
  const change = async (open: boolean): Promise<void> => {
    setOpen(open);
    const info = await chat.act("chat.edit", { group, open });
    setOpen(info?.open ?? !open);
  };
  return (
    <form class="part" onSubmit={rename}>
      <Field label="Name of the group" value={name} onValue={setName} required maxLength={100} />
      {name.trim() !== given && (
        <button type="submit" class="small primary" disabled={name.trim() === ""}>
          Rename
        </button>
      )}
      {isOpen !== undefined && (
        <label class="check">
          <input
            type="checkbox"
            checked={isOpen}
            onChange={({ currentTarget }) => void change(currentTarget.checked)}
          />
          Anyone may find and join it
        </label>
      )}
    </form>
  );
}

/** Leaves or deletes the group, after a question. */
function Ends({ info: { group, name, role } }: { info: Info }): VNode {
  const { page, chat } = useChat();
  const [asks, setAsks] = useState<"leave" | "deleteGroup">();
  const end = async (): Promise<void> => {
    if (asks !== undefined && (await chat.act(`chat.${asks}`, { group })) !== undefined) page.back();
    setAsks(undefined);
  };
  return (
    <div class="part">
      <button type="button" class="danger" onClick={() => setAsks("leave")}>
        Leave the group
      </button>
      {role === "owner" && (
        <button type="button" class="danger" onClick={() => setAsks("deleteGroup")}>
          Delete the group
        </button>
      )}
      {asks !== undefined && (
        <Dialog
          title={asks === "leave" ? "Leave the group?" : "Delete the group?"}
          onClose={() => setAsks(undefined)}
        >
          <p>
            <strong dir="auto">{name}</strong>{" "}
            {asks === "leave" ? "sends you nothing more." : "ends for all of its members."}
            {asks === "leave" && role === "owner" && " Another member owns it then."}
          </p>
          <div class="row">
            <button type="button" class="danger" onClick={() => void end()}>
              {asks === "leave" ? "Leave" : "Delete"}
            </button>
            <button type="button" onClick={() => setAsks(undefined)}>
              Cancel
            </button>
          </div>
        </Dialog>
      )}
    </div>
  );
}
