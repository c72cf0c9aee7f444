import { expect, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { onEveryCluster } from "../support/cluster.ts";

const NOTICE = { reason: "spam", notice: { appeal: "abuse@example.com" } };
const KICKED = { code: 4501, reason: "spam", willRetry: false };

onEveryCluster({}, (cluster) => {
  test("a user is kicked from another node, gets the notice, and does not reconnect", async () => {
    const { n1, n2 } = cluster();
    const ada = await cluster().client("ada", n2);
    const witness = await cluster().client("witness", n2);

    expect(await n1.post("/users/ada/kick", NOTICE)).toMatchObject({ status: 200, body: { connections: 1 } });

    expect(await ada.status("closed")).toMatchObject(KICKED);
    expect(ada.all("notice")).toMatchObject([{ code: "kicked", message: "spam", data: NOTICE.notice }]);
    expect(ada.client.state).toBe("closed");
    expect(witness.client.state).toBe("open");
    expect(await n1.post("/users/ada/kick", NOTICE)).toMatchObject({ body: { connections: 0 } });
  });

  test("two devices on two nodes are both kicked, and counted, from a third", async () => {
    const { n1, n2, n3 } = cluster();
    const devices = [
      await cluster().client("bea", n1, { platform: "web" }),
      await cluster().client("bea", n2, { platform: "ios" }),
    ];

    expect((await n3.post("/users/bea/kick", NOTICE)).body).toEqual({ connections: 2, unconfirmed: 0 });

    for (const device of devices) {
      expect(await device.status("closed")).toMatchObject(KICKED);
      expect(device.all("notice")).toMatchObject([{ code: "kicked", message: "spam" }]);
    }
    // Clients know of the end before Redis does.
    await eventually(
      "bea has no connection",
      async () => (await n2.get("/users/bea/connections")).body.connections.length === 0,
    );
  });

  test("one platform of a user is kicked, the others stay", async () => {
    const { n1, n2 } = cluster();
    const web = await cluster().client("cia", n1, { platform: "web" });
    const ios = await cluster().client("cia", n2, { platform: "ios" });

    expect((await n1.post("/users/cia/kick", { platform: "ios" })).body).toEqual({
      connections: 1,
      unconfirmed: 0,
    });

    expect(await ios.status("closed")).toMatchObject({ code: 4501, willRetry: false });
    expect(web.client.state).toBe("open");
    await eventually(
      "cia has one connection",
      async () => (await n2.get("/users/cia/connections")).body.connections.length === 1,
    );
    expect((await n2.get("/users/cia/connections")).body).toMatchObject({
      connections: [{ platform: "web" }],
    });
  });
});
