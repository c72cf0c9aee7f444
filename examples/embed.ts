import { createServer } from "node:http";
import { createHub } from "tidings";
import { z } from "zod";

interface Events {
  joined: { user: string };
  shipped: { order: number };
}

const hub = createHub<Events>();
hub.on("online", ({ user }) => hub.broadcast({ type: "joined", data: { user }, ephemeral: true }));

const Shipment = z.object({ order: z.int(), buyer: z.string() });
hub.action("order.ship", Shipment, (_context, { order, buyer }) =>
  // To every device of the buyer, who gets it later when away now. The receipt is the reply.
  hub.user(buyer).send({ type: "shipped", data: { order }, ack: true }),
);
const server = createServer((_request, response) => response.end("the pages of the application\n"));
hub.attach(server); // takes WebSockets at /ws, and nothing else
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => console.log(server.address()));
