import { expect, it } from "vitest";
import { jwt } from "../../src/index.ts";
import { startHub } from "../support/hub.ts";
import { SECRET } from "../support/keys.ts";
import { connectPeer } from "../support/peer.ts";

const tokens = jwt({ secret: SECRET });
const tokenOf = async (user: string, platform?: string): Promise<string> =>
  (await tokens.mint?.({ user, platform, expiresInSeconds: 60 })) ?? "";

it("a renewal needs credentials of the user, platform and device that are logged in", async () => {
  const { url } = await startHub({ jwt: { secret: SECRET } });
  const login = { token: await tokenOf("alice", "ios"), device: "phone" };
  const peer = await connectPeer(url(login));
  const refused: [string, Record<string, string>][] = [
    ["alice", { token: await tokenOf("mallory", "ios") }],
    ["platform: expected ios", { token: await tokenOf("alice", "web") }],
    ["platform: expected ios", { token: await tokenOf("alice"), platform: "android" }],
    ["device: expected phone", { token: await tokenOf("alice", "ios"), device: "tablet" }],
  ];
  for (const [message, data] of refused) {
    expect(await peer.request("robot.login", data)).toMatchObject({
      error: { code: "forbidden", message: expect.stringContaining(message) },
    });
  }
  for (const data of [
    login,
    { token: await tokenOf("alice"), platform: "ios" },
    { token: await tokenOf("alice") },
  ]) {
    expect(await peer.request("robot.login", data)).toMatchObject({
      data: { user: "alice", platform: "ios" },
    });
  }
});

it.each([Number.NaN, "soon", {}])(
  "a login that expires at %j is refused, because it would never end",
  async (at) => {
    const identity = { user: "alice", expiresAt: at as number }; // as JavaScript may return it
    const { url } = await startHub({ auth: { mode: "token", authenticate: async () => identity } });
    await expect(connectPeer(url({ token: "t" }))).rejects.toThrow();
  },
);
