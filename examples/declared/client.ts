import { connect } from "tidings/client";
import type { api } from "./api.ts";

const client = connect<typeof api>(process.env.HUB_URL ?? "ws://127.0.0.1:3000/ws", { user: "alice" });
const shipped = new Promise<number>((resolve) => client.on("shipped", ({ data }) => resolve(data.order)));

// `client.request("order.shp")` and a listener for a message of another type do not compile.
const { state } = await client.request("order.ship", { order: 7, buyer: "alice" });
console.log(`order 7: ${state}`);
console.log(`order ${await shipped} is on its way`);
await client.close();
