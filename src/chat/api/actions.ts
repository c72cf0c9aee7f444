/** A user as others see it. */
export interface ChatPerson {
  user: string;
  name: string;
  picture?: string | undefined;
}

/** A message of a conversation. */
export interface ChatMessage {
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

/** Requests of the chat. Made from the schemas of its operations: UPDATE_TYPES=1 test/chat/api.test.ts writes it. */
export interface ChatActions {
  "chat.password": {
    input: { password: string; newPassword: string };
    reply: { user: string; token: string; expiresAt: number; refreshToken: string };
  };
  "chat.profile": {
    input: { user?: string | undefined };
    reply: { user: string; name: string; picture?: string | undefined; mayGather?: boolean | undefined };
  };
  "chat.profiles": { input: { users: string[] }; reply: { users: ChatPerson[] } };
  "chat.update": {
    input: { name?: string | undefined; picture?: string | null | undefined };
    reply: ChatPerson;
  };
  "chat.online": {
    input: { limit?: number | undefined; cursor?: string | undefined };
    reply: { users: ChatPerson[]; count: number; of: "everyone" | "friends"; cursor?: string | undefined };
  };
  "chat.friends": {
    input: Record<never, never>;
    reply: { friends: ChatPerson[]; sent: ChatPerson[]; received: ChatPerson[]; blocked: ChatPerson[] };
  };
  "chat.befriend": { input: { user: string }; reply: { state: "requested" | "friend" } };
  "chat.unfriend": { input: { user: string }; reply: Record<never, never> };
  "chat.block": { input: { user: string }; reply: Record<never, never> };
  "chat.unblock": { input: { user: string }; reply: Record<never, never> };
  "chat.create": {
    input: {
      name: string;
      open?: boolean | undefined;
      announce?: "nobody" | "group" | "everyone" | undefined;
      maxMembers?: number | undefined;
    };
    reply: {
      group: string;
      kind: "group" | "direct";
      name: string;
      open: boolean;
      announce: "nobody" | "group" | "everyone";
      members: number;
      maxMembers: number;
      createdAt: number;
    };
  };
  "chat.gather": {
    input: { name: string };
    reply: {
      group: string;
      kind: "group" | "direct";
      name: string;
      open: boolean;
      announce: "nobody" | "group" | "everyone";
      members: number;
      maxMembers: number;
      createdAt: number;
    };
  };
  "chat.group": {
    input: { group: string };
    reply: {
      group: string;
      kind: "group" | "direct";
      name: string;
      open: boolean;
      announce: "nobody" | "group" | "everyone";
      members: number;
      maxMembers: number;
      createdAt: number;
      role?: "owner" | "admin" | "member" | undefined;
    };
  };
  "chat.members": {
    input: { group: string; limit?: number | undefined; cursor?: string | undefined };
    reply: {
      members: {
        user: string;
        name: string;
        picture?: string | undefined;
        role: "owner" | "admin" | "member";
        joinedAt: number;
      }[];
      cursor?: string | undefined;
    };
  };
  "chat.edit": {
    input: {
      group: string;
      name?: string | undefined;
      open?: boolean | undefined;
      announce?: "nobody" | "group" | "everyone" | undefined;
      maxMembers?: number | undefined;
    };
    reply: {
      group: string;
      kind: "group" | "direct";
      name: string;
      open: boolean;
      announce: "nobody" | "group" | "everyone";
      members: number;
      maxMembers: number;
      createdAt: number;
    };
  };
  "chat.deleteGroup": { input: { group: string }; reply: Record<never, never> };
  "chat.join": { input: { group: string }; reply: Record<never, never> };
  "chat.leave": { input: { group: string }; reply: Record<never, never> };
  "chat.remove": { input: { group: string; user: string }; reply: Record<never, never> };
  "chat.role": {
    input: { group: string; user: string; role: "owner" | "admin" | "member" };
    reply: Record<never, never>;
  };
  "chat.invite": { input: { group: string; user: string }; reply: Record<never, never> };
  "chat.invitations": {
    input: Record<never, never>;
    reply: { invitations: { group: string; name: string; by: string; at: number }[] };
  };
  "chat.decline": { input: { group: string }; reply: Record<never, never> };
  "chat.open": { input: { to: string }; reply: { group: string } };
  "chat.send": {
    input: {
      group?: string | undefined;
      to?: string | undefined;
      text?: string | undefined;
      picture?: string | undefined;
      voice?: string | undefined;
      video?: string | undefined;
      key?: string | undefined;
      read?: boolean | undefined;
    };
    reply: { group: string; id: string; epoch: string; offset: number; timestamp: number };
  };
  "chat.editMessage": {
    input: {
      group?: string | undefined;
      to?: string | undefined;
      offset: number;
      id: string;
      text?: string | undefined;
      picture?: string | undefined;
      voice?: string | undefined;
      video?: string | undefined;
    };
    reply: { group: string; offset: number; timestamp: number };
  };
  "chat.deleteMessage": {
    input: { group?: string | undefined; to?: string | undefined; offset: number; id: string };
    reply: { group: string; offset: number; timestamp: number };
  };
  "chat.history": {
    input: {
      group?: string | undefined;
      to?: string | undefined;
      before?: number | undefined;
      limit?: number | undefined;
    };
    reply: { group: string; epoch: string; messages: ChatMessage[]; more: boolean };
  };
  "chat.typing": {
    input: { group?: string | undefined; to?: string | undefined };
    reply: Record<never, never>;
  };
  "chat.read": {
    input: { group?: string | undefined; to?: string | undefined; offset?: number | undefined };
    reply: { group: string; offset: number; unread: number };
  };
  "chat.readers": {
    input: { group?: string | undefined; to?: string | undefined; offset?: number | undefined };
    reply: { count: number; members: { user: string; offset: number }[] };
  };
  "chat.groups": {
    input: { limit?: number | undefined; cursor?: string | undefined };
    reply: {
      groups: {
        group: string;
        kind: "group" | "direct";
        name: string;
        with?: string | undefined;
        role: "owner" | "admin" | "member";
        members: number;
        unread: number;
        last?: ChatMessage | undefined;
      }[];
      cursor?: string | undefined;
    };
  };
  "chat.search": {
    input: {
      text: string;
      group?: string | undefined;
      limit?: number | undefined;
      cursor?: string | undefined;
    };
    reply: {
      users: ChatPerson[];
      groups: { group: string; name: string; members: number }[];
      messages: ChatMessage[];
      cursor?: string | undefined;
    };
  };
}
