import { connect } from "tidings/client";

interface Events {
  joined: { user: string };
  shipped: { order: number };
}

const client = connect<Events>("ws://127.0.0.1:3000/ws", { user: "alice" });
client.on("joined", ({ data }) => console.log(`${data.user} is here`));
client.on("shipped", ({ data, offset }) => console.log(`order ${data.order} is on its way (${offset})`));
client.onStatus((status) => console.log(status.type)); // connecting, open, closed, lost, …

// Without a connection it waits for one; a reply that is an error is thrown.
console.log(await client.request("order.ship", { order: 7, buyer: "alice" }));
