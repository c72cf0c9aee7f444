import { assertNotBlocked } from "../../../members/members.ts";
import { acceptedValue, TidingsError } from "../../../protocol/protocol.ts";
import { type Identity, keyIn } from "../../auth/auth.ts";
import { assertAccess } from "../access.ts";
import { readJson } from "../body.ts";
import type { Endpoint } from "../endpoints.ts";
import type { ApiPorts } from "../ports.ts";

/** Answers a request to an endpoint. Who asks is checked before the body is read. */
export async function answerEndpoint(
  endpoint: Endpoint,
  request: Request,
  address: string | undefined,
  ports: Pick<ApiPorts, "authenticator" | "backplane" | "development" | "neighbours" | "limits">,
): Promise<Response> {
  const { access, takes } = endpoint;
  // Without a key: in development mode the rule is that of this machine and its own pages.
  if (ports.development) assertAccess(request, address, "any", { ...ports, apiKeys: undefined });
  const identity = access === "user" ? await identityOf(request, address, ports) : undefined;
  const { fields } = await readJson(request, ports.limits.maxMessageBytes);
  const input = acceptedValue(await takes["~standard"].validate(fields));
  return Response.json((await endpoint.handle({ identity, address }, input)) ?? {});
}

const NO_TOKEN = "send the token of a user in the header Authorization: Bearer";

async function identityOf(
  { headers }: Request,
  address: string | undefined,
  { authenticator, backplane }: Pick<ApiPorts, "authenticator" | "backplane">,
): Promise<Identity> {
  const token = headers.has("authorization") ? keyIn(headers) : undefined;
  if (token === undefined) throw new TidingsError("unauthorized", NO_TOKEN);
  const identity = await authenticator.authenticate({ token, address });
  if (identity === undefined) throw new TidingsError("unauthorized", "the token is not valid");
  // An authenticator of the application may leave it to the hub: a connection would end now.
  if (identity.expiresAt !== undefined && identity.expiresAt <= Date.now())
    throw new TidingsError("token_expired", "the login has expired");
  // A token outlives a block of its user: the block counts here as it does for a login.
  await assertNotBlocked(backplane, identity.user);
  return identity;
}
