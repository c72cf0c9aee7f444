import { createHub } from "tidings";
import { api } from "./api.ts";

const hub = createHub({ api });

// `order` is a number, because the hub has checked it; the reply must have a `state`.
hub.action("order.ship", (_context, { order, buyer }) =>
  hub.user(buyer).send({ type: "shipped", data: { order } }),
);
console.log(await hub.listen({ port: Number(process.env.PORT ?? 3000) }));
