import type { Backplane, StoredMessage } from "../../backplane/backplane.ts";
import {
  type Channel,
  groupChannel,
  isUserChannel,
  targetOf,
  userChannel,
  userOf,
} from "../../protocol/protocol.ts";
import type { RecordedMessage } from "../recorder/recorder.ts";
import type { DeviceCursor, HistoryFacts, NodeFacts, UserFacts, WhyQuery } from "./known.ts";

type Shared = Pick<Backplane, "broker" | "cursors" | "memberships" | "presence">;

/** Durable groups of a user that are asked about. */
const MAX_GROUPS = 20;

/** Newest messages of all channels together among which one is looked for, at least a page of each. */
const SEARCHED = 2_000;

const PAGE = 200;

/** Channels that matter: the group that is named; else those of the user: the own one, of durable groups, and everyone's. */
export async function channelsOf({ memberships }: Shared, { user, group }: WhyQuery): Promise<Channel[]> {
  if (group !== undefined) return [groupChannel(group)];
  if (user === undefined) return ["all"];
  const groups = [...(await memberships.groupsOf(user))].sort().slice(0, MAX_GROUPS);
  return [userChannel(user), ...groups.map(groupChannel), "all"];
}

/** Looks for a message that no recorder has in the histories in which it may be. */
export async function findInHistory(
  { broker }: Shared,
  id: string,
  channels: readonly Channel[],
): Promise<RecordedMessage | undefined> {
  const ofEach = Math.max(PAGE, Math.floor(SEARCHED / channels.length));
  for (const channel of channels) {
    let before: number | undefined;
    for (let searched = 0; searched < ofEach; searched += PAGE) {
      const limit = Math.min(PAGE, ofEach - searched);
      const { messages } = await broker.history(
        channel,
        before === undefined ? { limit } : { before, limit },
      );
      const found = messages.find((message) => message.id === id);
      if (found !== undefined) return recordOf(found);
      before = messages[0]?.offset;
      if (before === undefined || before === 1) break;
    }
  }
  return undefined;
}

function recordOf(message: StoredMessage): RecordedMessage {
  const { id, channel, from, timestamp, offset, platforms, except } = message;
  return { id, channel, from, timestamp, offset, platforms, except, connections: 0, dropped: 0 };
}

/** Finds out where a stored message stands in its history. @param ageMs for how long the channel keeps messages */
export async function historyFacts(
  { broker }: Shared,
  { id, channel, timestamp, offset = 0 }: RecordedMessage,
  now: number,
  ageMs: number,
): Promise<HistoryFacts> {
  const { first, last, messages } = await broker.history(channel, { after: offset - 1, limit: 1 });
  const [there] = messages;
  const isThere = there?.offset === offset && there.id === id;
  if (isThere) return { state: there.change?.deleted ? "deleted" : "retained", first, last };
  // Another history begins with the offset 1 again: it has the offset for another message, or has not come to it yet.
  if (there?.offset === offset || offset > last) return { state: "lost", first, last };
  return { state: now - timestamp >= ageMs ? "expired" : "trimmed", first, last };
}

/** Reads what all nodes share about a user. */
export async function userFacts(
  { presence, memberships }: Shared,
  user: string,
  channels: readonly Channel[],
): Promise<UserFacts> {
  const groups = channels.filter((channel) => targetOf(channel).group !== undefined);
  const [connections, blockedMs, ...isDurable] = await Promise.all([
    presence.connectionsOf(user),
    presence.blockedMs(user),
    ...groups.map((channel) => memberships.has(targetOf(channel).group ?? "", user)),
  ]);
  return { user, connections, blockedMs, durable: groups.filter((_, index) => isDurable[index] === true) };
}

/** Reads how far the known devices of a user have acknowledged a channel. */
export async function cursorFacts(
  { cursors }: Shared,
  { channel }: RecordedMessage,
  { user, connections }: UserFacts,
  nodes: readonly NodeFacts[],
): Promise<DeviceCursor[]> {
  const ended = nodes.flatMap(({ incidents }) =>
    incidents.flatMap(({ kind, device }) => (kind === "ended" && device !== undefined ? [device] : [])),
  );
  const devices = [...new Set([...connections.map(({ device }) => device), ...ended])];
  const positions = await Promise.all(devices.map((device) => cursors.read(user, device, [channel])));
  return devices.map((device, index) => ({ user, device, offset: positions[index]?.[0]?.offset }));
}

/** The user whom a message to one user concerns, when nobody is named. */
export const receiverOf = ({ user }: WhyQuery, channel: Channel | undefined): string | undefined =>
  user ?? (channel !== undefined && isUserChannel(channel) ? userOf(channel) : undefined);
