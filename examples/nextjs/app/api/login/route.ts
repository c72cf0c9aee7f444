import { SignJWT } from "jose";

/** Replace this by your login. Until then everyone is who they say, and in production nobody is anyone. */
export async function POST(request: Request): Promise<Response> {
  if (process.env.NODE_ENV === "production") return new Response("there is no login yet", { status: 501 });
  const { user } = await request.json();
  const session = await new SignJWT()
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(String(user))
    .setAudience("session")
    .setExpirationTime("8h")
    .sign(new TextEncoder().encode(process.env.JWT_SECRET));
  const cookie = `session=${session}; Path=/; HttpOnly; SameSite=Lax`; // `; Secure` behind TLS
  return new Response(undefined, { status: 204, headers: { "set-cookie": cookie } });
}
