import type { Policy } from "../../actions/actions.ts";
import type { Connection, Local } from "../../local/local.ts";
import { Members, type Refusal } from "../../members/members.ts";
import { type Channel, isChannel, targetOf } from "../../protocol/protocol.ts";
import type { Hooks } from "../../publish/publish.ts";
import { type UpgradeRequest, type Verdict, withoutCredentials } from "../auth/auth.ts";
import type { ConnectionIds } from "../connection-ids.ts";
import type { ServerSocket } from "../websocket/websocket.ts";
import { type LoggedIn, setLogin } from "./login.ts";
import type { LoginRequest } from "./request.ts";
import { forbiddenNotice, type WelcomePorts, welcomeText } from "./welcome.ts";

export interface AdmissionPorts extends WelcomePorts {
  readonly local: Local;
  readonly members: Members;
  readonly hooks: Hooks;
  readonly policy: Policy;
  readonly ids: ConnectionIds;
}

/** A WebSocket after its handshake. */
export interface Opened {
  readonly socket: ServerSocket;
  /** The request that asked for the WebSocket. */
  readonly request: UpgradeRequest;
  readonly login: LoginRequest;
  /** Identity by the credentials of the request; undefined when they prove nobody. A promise that rejects when they are refused. */
  readonly identity: Verdict;
}

/** Makes the connection of an accepted login. The connection is not yet a member of any channel. */
export function makeConnection(
  { local, node, ids }: AdmissionPorts,
  { socket, request: { address } }: Opened,
  { identity, login }: LoggedIn,
): Connection {
  const platform = identity.platform ?? login.platform ?? "web";
  const device = login.device ?? platform;
  const who = {
    id: ids.next(),
    user: identity.user,
    platform,
    device,
    node,
    connectedAt: Date.now(),
    address,
  };
  const connection = local.connection(who, socket);
  setLogin(connection, identity);
  return connection;
}

/**
 * Admits a connection: asks the `connect` hook, joins its channels, and sends `welcome` as its first frame. One notice
 * reports each group that the policy denies or that exceeds the limit on groups.
 * @returns a function that replays missed messages, or why the user gets no connection
 * @throws TidingsError `unavailable` without the backplane, or the error of the hook
 */
export async function admit(
  ports: AdmissionPorts,
  connection: Connection,
  { request }: Opened,
  { identity, login }: LoggedIn,
): Promise<(() => Promise<void>) | Refusal> {
  const { hooks, members, policy } = ports;
  if (hooks.has("connect")) {
    const headers = withoutCredentials(request.headers);
    const asked = { ip: request.address, headers, claims: identity.claims ?? {} };
    await hooks.ask("connect", { connection, request: asked });
  }
  const { allowed, refused } = await groupsToJoin({ policy, members }, connection, login);
  const welcome = welcomeText(ports, connection, identity);
  const catchUp = await members.admit(connection, welcome, login.resume, allowed);
  if (typeof catchUp !== "function") return catchUp;
  for (const [group, why] of refused) connection.send(forbiddenNotice(group, why));
  return catchUp;
}

const TOO_MANY_GROUPS = `a connection has at most ${Members.maxGroups} groups`;

/** Divides the groups of the client's positions by the policy and the limit on groups, in steps. */
async function groupsToJoin(
  { policy, members: { pace } }: Pick<AdmissionPorts, "policy" | "members">,
  connection: Connection,
  { resume }: LoginRequest,
): Promise<{ allowed: string[]; refused: [group: string, why: string][] }> {
  const allowed: string[] = [];
  const refused: [string, string][] = [];
  for (const [step, channel] of Object.keys(resume).entries()) {
    await pace.after(step);
    if (!isChannel(channel)) continue;
    const { group } = targetOf(channel);
    if (group === undefined) continue;
    if (!(await mayJoin(policy, connection, channel)))
      refused.push([group, policy.deny(connection, "join", channel)]);
    else if (allowed.length < Members.maxGroups) allowed.push(group);
    else refused.push([group, TOO_MANY_GROUPS]);
  }
  return { allowed, refused };
}

/** A policy that fails allows nothing: the other groups of the login must not wait for it. */
async function mayJoin(policy: Policy, connection: Connection, channel: Channel): Promise<boolean> {
  try {
    return (await policy.allows(connection, "join", channel)) === true;
  } catch {
    return false;
  }
}
