import { Session } from "node:inspector/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { TidingsError } from "../../../protocol/protocol.ts";
import { mintToken } from "../../auth/auth.ts";
import type { ApiPorts } from "../ports.ts";
import { type Route, route } from "../route.ts";
import { grants, platform, user, whole } from "../schemas.ts";

/** Routes for operators of the hub. */
export const adminRoutes = (ports: ApiPorts): Route[] => [tokenRoute(ports), profileRoute()];

const tokenRoute = ({ authenticator }: ApiPorts): Route =>
  route({
    name: "mintToken",
    access: "admin",
    method: "post",
    path: "/tokens",
    summary: "Mint a token with which a user can log in",
    takes: z.object({
      user,
      expiresInSeconds: z.number().positive().nullable().optional().meta({
        description:
          "Default: `jwt.lifetime` (1 h). At most `jwt.maxLifetime`. Null: never, if `jwt.requireExpiry` is off.",
      }),
      platform: platform.optional().meta({ description: "Binds the token to a platform." }),
      can: grants.optional(),
      info: z
        .unknown()
        .optional()
        .meta({ description: "Data of the user in groups: any JSON value of at most 1 KiB." }),
    }),
    gives: z.object({
      token: z.string(),
      expiresAt: z.int().optional().meta({ description: "Milliseconds since 1970." }),
    }),
    async handle(claims) {
      const token = await mintToken(authenticator, claims);
      // Read back from the token, because minting rounds the expiry to seconds.
      const identity = await authenticator.authenticate({ token });
      return { token, expiresAt: identity?.expiresAt };
    },
  });

function profileRoute(): Route {
  let isRunning = false;
  return route({
    name: "profile",
    access: "admin",
    method: "post",
    path: "/debug/profile",
    summary: "Take a CPU profile of this process, as a .cpuprofile for Chrome DevTools",
    source: "query",
    takes: z.object({ seconds: whole(1, 60).default(10) }),
    gives: z.object({}).loose(),
    async handle({ seconds }, context) {
      if (isRunning) throw new TidingsError("conflict", "a profile is being taken already");
      isRunning = true;
      try {
        const profile = await profileFor(seconds, context.req.raw.signal);
        const headers = { "content-disposition": `attachment; filename="tidings-${Date.now()}.cpuprofile"` };
        return Response.json(profile, { headers });
      } finally {
        isRunning = false;
      }
    },
  });
}

/** Takes a CPU profile. Ends early when the request is aborted. */
async function profileFor(seconds: number, signal: AbortSignal): Promise<unknown> {
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.start");
    await sleep(seconds * 1_000, undefined, { signal }).catch(() => undefined);
    const { profile } = await session.post("Profiler.stop");
    return profile;
  } finally {
    session.disconnect();
  }
}
