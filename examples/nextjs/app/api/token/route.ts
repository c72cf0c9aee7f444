import { jwtVerify, SignJWT } from "jose";

/** A token for 15 minutes, for the user of the session. The SDK asks again before it ends. */
export async function POST(request: Request): Promise<Response> {
  const key = new TextEncoder().encode(process.env.JWT_SECRET);
  const user = await userOf(request, key);
  if (user === undefined) return new Response("logged out", { status: 401 });
  const token = await new SignJWT({ can: { join: ["group:lobby"] } })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(user)
    .setAudience("my-app")
    .setExpirationTime("15m")
    .sign(key);
  return new Response(token);
}

/** The user of the session cookie. With Auth.js it is `(await auth())?.user?.id`. */
async function userOf(request: Request, key: Uint8Array): Promise<string | undefined> {
  const cookie = /(?:^|; )session=([^;]+)/.exec(request.headers.get("cookie") ?? "")?.[1];
  if (cookie === undefined) return undefined;
  const verified = await jwtVerify(cookie, key, { audience: "session" }).catch(() => undefined);
  return verified?.payload.sub;
}
