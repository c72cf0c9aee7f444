import { once } from "node:events";
import { expect, it } from "vitest";
import { WebSocket } from "ws";
import type { ConnectRequest } from "../../src/index.ts";
import { startHub } from "../support/hub.ts";

it("the connect hook sees no header with credentials", async () => {
  const { hub, url } = await startHub();
  const requests: ConnectRequest[] = [];
  hub.on("connect", ({ request }) => requests.push(request));
  const secret = "hunter2";
  const headers = {
    authorization: `Bearer ${secret}`,
    "proxy-authorization": `Basic ${secret}`,
    cookie: `session=${secret}`,
    "x-api-key": secret,
    "x-auth-token": secret,
    "x-csrf-token": secret,
    "x-amzn-oidc-data-token": secret,
    "cf-access-jwt-assertion": secret,
    "x-goog-iap-jwt-assertion": secret,
    referer: `http://localhost/page?token=${secret}#${secret}`,
    "x-original-uri": `/ws?token=${secret}`,
    "accept-language": "en",
    "user-agent": "test",
  };
  const socket = new WebSocket(url({ user_id: "alice" }), ["tidings.v1", secret], { headers });
  await once(socket, "message");
  socket.terminate();
  expect(JSON.stringify(requests)).not.toContain(secret);
  expect(requests[0]?.headers).toMatchObject({
    "accept-language": "en",
    "user-agent": "test",
    referer: "http://localhost/page",
    "x-original-uri": "/ws",
    "sec-websocket-protocol": "tidings.v1",
  });
});
