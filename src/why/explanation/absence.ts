import type { Channel } from "../../protocol/protocol.ts";
import { codeOf, duration, type Finding } from "./finding.ts";
import type { Located, Session, View } from "./sessions.ts";

/**
 * Says why the user had no connection at a time.
 * @param waits true when a later connection would have done as well: then what has kept the user away since counts too
 */
export function absence(view: View, at: number, waits: boolean): Finding[] {
  const { user, blockedMs } = view.user;
  const last = view.sessions.find(({ until }) => until !== undefined && until <= at);
  const next = view.sessions.findLast(({ from }) => from > at);
  const blocked: Finding[] =
    blockedMs > 0
      ? [
          {
            code: "blocked",
            text: `${user} is blocked for another ${duration(blockedMs)}: every login is refused`,
          },
        ]
      : [];
  const until = waits ? (next?.from ?? view.now) : at;
  const refusals = refusalsBetween(view, last?.until ?? 0, until);
  const seen = [...refusals, ...(last === undefined ? [] : endOf(user, last))];
  // When the block began is not known: it is a cause for whoever waits, or where it was seen before.
  const isCause = waits || seen.some(({ code }) => code === "blocked");
  const causes = isCause ? [...blocked, ...seen] : seen;
  const away = [notConnected(view, at, last, next), ...strangers(view, causes.length === 0)];
  return distinct(isCause ? [...causes, ...away] : [...causes, ...away, ...blocked]);
}

/** An end is a cause of its own when the server meant it. */
function endOf(user: string, { id, node, until, cause }: Session): Finding[] {
  const code = codeOf(cause, "disconnected");
  if (code === "disconnected" && cause !== "kicked") return [];
  const reasons: Partial<Record<string, string>> = {
    blocked: "because the user was blocked",
    rate_limited: "because its client went on after a rate limit had refused it",
    slow: "because its client read too slowly",
    login_expired: "because the login had expired",
    disconnected: "by the application",
  };
  const text = `the last connection of ${user} was closed ${reasons[code]}`;
  return [{ code, text, at: until, node, connection: id }];
}

function refusalsBetween(view: View, from: number, to: number): Finding[] {
  const { user } = view.user;
  return view
    .incidents("turned_away")
    .filter((each) => each.user === user && each.until >= from && each.at <= to)
    .map((each) => refusal(each, `a login of ${user} was refused`));
}

const refusal = ({ code, detail, at, node, count, address }: Located, what: string): Finding => ({
  code: codeOf(code, "login_refused"),
  text: `${what}: ${code}${detail ? `, ${detail}` : ""}${address ? ` (from ${address})` : ""}`,
  ...{ at, node, count: count > 1 ? count : undefined },
});

function notConnected(view: View, at: number, last?: Session, next?: Session): Finding {
  const { user } = view.user;
  const isNow = at >= view.now;
  const ended =
    last?.until === undefined
      ? ""
      : `; the last connection ended ${duration(at - last.until)} before (${last.cause})`;
  const began = next === undefined ? "" : `; the next one began ${duration(next.from - at)} later`;
  const when = isNow ? "has no connection" : "had no connection when the message was published";
  return {
    code: "not_connected",
    text: `${user} ${when}${ended}${began}`,
    ...{ at: last?.until, node: last?.node, connection: last?.id },
  };
}

/** Logins that proved nobody may be those of the user: a token that is not valid names no one. */
function strangers(view: View, isUnexplained: boolean): Finding[] {
  if (!isUnexplained || view.sessions.some(({ until }) => until === undefined)) return [];
  const newest = view.incidents("turned_away").find((each) => each.user === undefined && !provedUser(each));
  if (newest === undefined) return [];
  return [refusal(newest, "a login that proved no user was refused, maybe this one")];
}

/** A login that the limit of its user has refused is recorded twice: with its user, and as a client that got no connection. */
const provedUser = ({ code, detail }: Located): boolean =>
  code === "rate_limited" && detail?.includes("logins of one user") === true;

/** One finding of each code is enough: the newest. */
function distinct(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ code }, index) => findings.findIndex((each) => each.code === code) === index);
}

/** Says why no connection of a user who was connected received a group, or what goes to everyone. */
export function noReceiver(view: View, channel: Channel, at: number): Finding[] {
  const { user } = view.user;
  if (channel === "all") {
    const text = `${user} has logged in without credentials, and is not granted what goes to everyone`;
    return [{ code: "no_grant", channel, text }];
  }
  const member = membership(view, channel, at);
  const denials = view.incidents("denied").filter((each) => each.channel === channel && each.code === "join");
  const [denial] = denials;
  if (denial !== undefined) {
    const { at: deniedAt, node, connection, count } = denial;
    const text = `the policy did not let ${user} join ${channel}`;
    const about = { at: deniedAt, node, connection, count: count > 1 ? count : undefined };
    return [{ code: "no_grant", text, channel, ...about }, member];
  }
  const refused = view.sessions.flatMap(({ open }) =>
    (open?.denied ?? []).filter((each) => each.channel === channel).map((each) => ({ ...each, open })),
  );
  const [first] = refused;
  if (first === undefined) return [member];
  const { reason, open } = first;
  return [member, { code: "no_grant", text: reason, channel, node: open?.node, connection: open?.id }];
}

function membership(view: View, channel: Channel, at: number): Finding {
  const { user, durable } = view.user;
  const left = view.incidents("left").find((each) => each.channel === channel && each.at <= at);
  const joined = view.incidents("joined").findLast((each) => each.channel === channel && each.at > at);
  const tells: string[] = [];
  if (left !== undefined) tells.push(`it left ${duration(at - left.at)} before`);
  if (joined !== undefined) tells.push(`it joined ${duration(joined.at - at)} later`);
  if (durable.includes(channel)) tells.push("the user is a durable member, whom a later login joins again");
  const had = at >= view.now ? "has" : "had";
  const text = `no connection of ${user} ${had} joined ${channel}${tells.length > 0 ? `: ${tells.join(", ")}` : ""}`;
  const seen = joined ?? left;
  return {
    code: "no_membership",
    text,
    channel,
    at: seen?.at,
    node: seen?.node,
    connection: seen?.connection,
  };
}
