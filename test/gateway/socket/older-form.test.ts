import { describe, expect, it } from "vitest";
import { z } from "zod";
import { startHub } from "../../support/hub.ts";
import { connectPeer, type Frame, Peer } from "../../support/peer.ts";

const secret = "a secret of at least thirty-two bytes";

const login = (data: Frame): Frame => ({ Module: "robot", Action: "Login", Data: data });

describe("a login in the older form", () => {
  it.each<[string, Frame]>([
    ["as it is usual", { PlatId: "1", UserId: "abc123456" }],
    ["with a number as the platform", { PlatId: 1, UserId: "abc123456" }],
    ["in small letters", { platid: "1", userid: "abc123456" }],
    ["with underscores", { plat_id: "1", user_id: "abc123456" }],
    ["in capitals", { PLAT_ID: "1", USER_ID: "abc123456" }],
    ["by the name of the native form", { Platform: "1", UserId: "abc123456" }],
  ])("is accepted %s", async (_what, data) => {
    const { url } = await startHub();
    const peer = new Peer(url());
    peer.socket.once("open", () => peer.send(login(data)));
    expect(await peer.frame("welcome")).toMatchObject({ user: "abc123456", platform: "1" });
    expect(await peer.next(({ Module }) => Module === "robot")).toMatchObject({
      Action: "Login",
      Data: { user: "abc123456", platform: "1" },
    });
    await peer.close();
  });

  it("takes a user whose id is a number", async () => {
    const { url } = await startHub();
    const peer = new Peer(url());
    peer.socket.once("open", () => peer.send(login({ PlatId: 2, UserId: 42, Device: 7 })));
    expect(await peer.frame("welcome")).toMatchObject({ user: "42", platform: "2" });
    await peer.close();
  });

  it("needs a Token outside development mode", async () => {
    const { hub, url } = await startHub({ jwt: { secret }, apiKey: "a key of sixteen or more" });
    const token = await tokenOf(hub.fetch);
    const peer = new Peer(url());
    peer.socket.once("open", () => peer.send(login({ PlatId: "1", Token: token })));
    expect(await peer.frame("welcome")).toMatchObject({ user: "alice", platform: "1" });
    await peer.close();
    const stranger = new Peer(url());
    stranger.socket.once("open", () => stranger.send(login({ PlatId: "1", UserId: "alice" })));
    expect(await stranger.closed).toMatchObject({ code: 4500 });
  });
});

async function tokenOf(fetchApi: (request: Request, address: string) => Promise<Response>): Promise<string> {
  const headers = { "x-api-key": "a key of sixteen or more", "content-type": "application/json" };
  const body = JSON.stringify({ user: "alice" });
  const request = new Request("http://localhost/tokens", { method: "POST", headers, body });
  const answer = (await (await fetchApi(request, "127.0.0.1")).json()) as { token: string };
  return answer.token;
}

describe("requests in the older form", () => {
  it("name the fields of built-in actions in any case", async () => {
    const { url } = await startHub();
    const peer = await connectPeer(url({ user_id: "alice" }));
    const ask = (Module: string, Action: string, Data: Frame): Promise<Frame> => {
      peer.send({ Module, Action, Data });
      return peer.next((frame) => frame.Module === Module && frame.Action === Action);
    };
    expect(await ask("group", "Join", { Group: "g1" })).toMatchObject({ Data: { channel: "group:g1" } });
    expect(await ask("message", "History", { Channel: "group:g1", LIMIT: 5 })).toMatchObject({
      Data: { messages: [] },
    });
    expect(await ask("presence", "Get", { Users: ["alice"] })).toMatchObject({ Data: { count: 1 } });
    expect(await ask("group", "Leave", { GROUP: "g1" })).toMatchObject({ Data: { channel: "group:g1" } });
  });

  it("of the application's own actions keep their fields as they are", async () => {
    const { hub, url } = await startHub();
    hub.action("shop.order", z.looseObject({}), (_context, input) => input);
    const peer = await connectPeer(url({ user_id: "alice" }));
    peer.send({ Module: "shop", Action: "Order", Data: { Group: 1, PlatId: 2, user_ID: 3 } });
    expect(await peer.next(({ Module }) => Module === "shop")).toMatchObject({
      Data: { Group: 1, PlatId: 2, user_ID: 3 },
    });
  });

  it("prefer the exact name of a field to other spellings", async () => {
    const { url } = await startHub();
    const peer = new Peer(url());
    peer.socket.once("open", () => peer.send(login({ UserId: "mallory", user_id: "alice" })));
    expect(await peer.frame("welcome")).toMatchObject({ user: "alice" });
    await peer.close();
  });
});
