/** The requests of the chat that the page makes, and their replies: a part of `ChatActions` in src/chat, which a test compares. */

export interface Person {
  user: string;
  name: string;
  picture?: string | undefined;
}

export type Role = "owner" | "admin" | "member";

export interface Member extends Person {
  role: Role;
  joinedAt: number;
}

/** A message as the history has it. */
export interface StoredMessage {
  type: string;
  data: unknown;
  timestamp: number;
  from?: string | undefined;
  group?: string | undefined;
  id: string;
  offset?: number | undefined;
  editedAt?: number | undefined;
  deletedAt?: number | undefined;
}

/** One of the user's groups and conversations. */
export interface Summary {
  group: string;
  kind: "group" | "direct";
  name: string;
  /** The other user of a conversation. */
  with?: string | undefined;
  role: Role;
  members: number;
  unread: number;
  last?: StoredMessage | undefined;
}

export interface Friends {
  friends: Person[];
  /** Users whom one has asked. */
  sent: Person[];
  /** Users who have asked. */
  received: Person[];
  blocked: Person[];
}

export interface Invitation {
  group: string;
  name: string;
  by: string;
  at: number;
}

/** A group that a search has found. */
export interface FoundGroup {
  group: string;
  name: string;
  members: number;
}

/** What a user writes. */
export interface Written {
  text?: string | undefined;
  picture?: string | undefined;
  voice?: string | undefined;
  video?: string | undefined;
}

/** A login. */
export interface Login {
  user: string;
  token: string;
  expiresAt: number;
  refreshToken: string;
}

type Nothing = Record<never, never>;

interface GroupInfo {
  group: string;
  name: string;
  open: boolean;
}

export interface Requests {
  "chat.password": { input: { password: string; newPassword: string }; reply: Login };
  "chat.profile": { input: { user?: string }; reply: Person & { mayGather?: boolean | undefined } };
  "chat.profiles": { input: { users: string[] }; reply: { users: Person[] } };
  "chat.update": { input: { name?: string; picture?: string | null }; reply: Person };
  "chat.online": {
    input: { limit?: number };
    reply: { users: Person[]; count: number; of: "everyone" | "friends" };
  };
  "chat.friends": { input: Nothing; reply: Friends };
  "chat.befriend": { input: { user: string }; reply: { state: "requested" | "friend" } };
  "chat.unfriend": { input: { user: string }; reply: Nothing };
  "chat.block": { input: { user: string }; reply: Nothing };
  "chat.unblock": { input: { user: string }; reply: Nothing };
  "chat.create": { input: { name: string; open?: boolean; announce?: "group" }; reply: GroupInfo };
  "chat.gather": { input: { name: string }; reply: GroupInfo };
  "chat.group": { input: { group: string }; reply: GroupInfo };
  "chat.members": {
    input: { group: string; limit?: number; cursor?: string | undefined };
    reply: { members: Member[]; cursor?: string | undefined };
  };
  "chat.edit": { input: { group: string; name?: string; open?: boolean }; reply: GroupInfo };
  "chat.deleteGroup": { input: { group: string }; reply: Nothing };
  "chat.join": { input: { group: string }; reply: Nothing };
  "chat.leave": { input: { group: string }; reply: Nothing };
  "chat.remove": { input: { group: string; user: string }; reply: Nothing };
  "chat.role": { input: { group: string; user: string; role: Role }; reply: Nothing };
  "chat.invite": { input: { group: string; user: string }; reply: Nothing };
  "chat.invitations": { input: Nothing; reply: { invitations: Invitation[] } };
  "chat.decline": { input: { group: string }; reply: Nothing };
  "chat.open": { input: { to: string }; reply: { group: string } };
  "chat.send": {
    input: { group: string; key: string; read: boolean } & Written;
    reply: { group: string; id: string; epoch: string; offset: number; timestamp: number };
  };
  "chat.editMessage": {
    input: { group: string; offset: number; id: string } & Written;
    reply: { offset: number };
  };
  "chat.deleteMessage": { input: { group: string; offset: number; id: string }; reply: { offset: number } };
  "chat.history": {
    input: { group: string; before?: number | undefined; limit?: number };
    reply: { group: string; epoch: string; messages: StoredMessage[]; more: boolean };
  };
  "chat.typing": { input: { group: string }; reply: Nothing };
  "chat.read": {
    input: { group: string; offset?: number };
    reply: { group: string; offset: number; unread: number };
  };
  "chat.readers": {
    input: { group: string; offset?: number };
    reply: { count: number; members: { user: string; offset: number }[] };
  };
  "chat.groups": {
    input: { limit?: number; cursor?: string | undefined };
    reply: { groups: Summary[]; cursor?: string | undefined };
  };
  "chat.search": {
    input: { text: string; limit?: number };
    reply: { users: Person[]; groups: FoundGroup[] };
  };
}

/** Makes a request of the chat. */
export type Ask = <Name extends keyof Requests>(
  name: Name,
  input: Requests[Name]["input"],
) => Promise<Requests[Name]["reply"]>;
