import { type Backplane, type JoinData, MAX_MEMBER_BYTES, type RoomMember } from "../backplane/backplane.ts";
import type { Connection } from "../local/local.ts";
import { TidingsError } from "../protocol/protocol.ts";

/** A member of a group. `online`: a connection has joined. `durable`: the membership outlasts connections. */
export interface GroupMember {
  readonly user: string;
  readonly online: boolean;
  readonly durable: boolean;
  /** Data of the user in the group while online: one JSON value. */
  readonly data?: unknown;
}

/** Members of a group, by kind. A user who is online and durable counts in both. */
export interface GroupCount {
  readonly online: number;
  readonly durable: number;
}

/** A page of the members of a group, with the counts of all. */
export interface MembersPage extends GroupCount {
  readonly members: readonly GroupMember[];
  /** For the next page; absent on the last. */
  readonly cursor?: string;
}

export interface MembersQuery {
  /** @default 100 // at most 1,000 */
  readonly limit?: number | undefined;
  /** Cursor of the page before. @default the first page */
  readonly cursor?: string | undefined;
}

/** Members in a page, at most. */
export const MAX_MEMBERS_PAGE = 1_000;

/** Place in the lists: first who is online, then durable members who came in no page of those. */
type Place =
  | { readonly of: "joined"; readonly after: number }
  /** `joined`: users up to this place of the first list were listed. */
  | { readonly of: "durable"; readonly after: number; readonly joined: number };

/**
 * Lists a page of the members of a group: those who are online, in the order of their joins, then durable members. Who is in the group throughout is
 * in one page at least, and in a second one only when the user goes offline between pages.
 * @throws TidingsError `bad_request` for another limit, or a cursor that no page gave
 */
export async function groupMembers(
  { rooms }: Pick<Backplane, "rooms">,
  group: string,
  { limit = 100, cursor }: MembersQuery = {},
): Promise<MembersPage> {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_MEMBERS_PAGE) {
    throw new TidingsError("bad_request", `limit: expected a whole number from 1 to ${MAX_MEMBERS_PAGE}`);
  }
  let place = placeOf(cursor);
  const members: GroupMember[] = [];
  if (place.of === "joined") {
    const page = await rooms.page(group, { ...place, limit });
    members.push(...page.members.map(memberOf));
    const last = page.members.at(-1)?.place ?? place.after;
    if (members.length === limit) return pageOf(page, members, `j${last}`);
    place = { of: "durable", after: 0, joined: last };
  }
  const { joined } = place;
  const asked = limit - members.length;
  const page = await rooms.page(group, { of: "durable", after: place.after, limit: asked });
  const unlisted = page.members.filter(({ joinedAt }) => joinedAt === undefined || joinedAt > joined);
  members.push(...unlisted.map(memberOf));
  const last = page.members.at(-1)?.place;
  return pageOf(page, members, page.members.length < asked ? undefined : `d${joined}.${last}`);
}

/** Counts the members of a group. O(1). */
export async function countMembers({ rooms }: Pick<Backplane, "rooms">, group: string): Promise<GroupCount> {
  const { joined, durable } = await rooms.page(group, { of: "joined", after: 0, limit: 0 });
  return { online: joined, durable };
}

/** @throws TidingsError `bad_request` unless it is JSON, `too_large` beyond 1 KiB of it */
export function memberData(data: unknown): string {
  const json: string | undefined = JSON.stringify(data);
  if (json === undefined) throw new TidingsError("bad_request", "data: expected a JSON value");
  if (Buffer.byteLength(json) > MAX_MEMBER_BYTES) {
    const most = MAX_MEMBER_BYTES.toLocaleString("en");
    throw new TidingsError("too_large", `data: expected at most ${most} bytes of JSON`);
  }
  return json;
}

function pageOf(
  { joined, durable }: { readonly joined: number; readonly durable: number },
  members: readonly GroupMember[],
  cursor: string | undefined,
): MembersPage {
  return { members, online: joined, durable, ...(cursor === undefined ? {} : { cursor }) };
}

const memberOf = ({ user, joinedAt, durable, data }: RoomMember): GroupMember => ({
  user,
  online: joinedAt !== undefined,
  durable,
  ...(data === undefined ? {} : { data: JSON.parse(data) as unknown }),
});

function placeOf(cursor = "j0"): Place {
  const [, joined] = /^j(\d{1,15})$/.exec(cursor) ?? [];
  if (joined !== undefined) return { of: "joined", after: Number(joined) };
  const [, before, after] = /^d(\d{1,15})\.(\d{1,15})$/.exec(cursor) ?? [];
  if (before !== undefined) return { of: "durable", after: Number(after), joined: Number(before) };
  throw new TidingsError("bad_request", "cursor: expected the one that came with the page before");
}

/** Data of a join: those that it names, else `info` of the credentials for a user who has none. */
export function joinData({ claims }: Connection, json: string | undefined): JoinData | undefined {
  if (json !== undefined) return { json, isDefault: false };
  return claims.info === undefined ? undefined : { json: memberData(claims.info), isDefault: true };
}
