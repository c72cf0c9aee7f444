import { defineApi } from "tidings/protocol";
import { z } from "zod";

/** Messages and requests of the application. The server runs the schemas, and clients import the type only. */
export const api = defineApi({
  events: {
    shipped: z.object({ order: z.int() }),
    typing: z.undefined(), // a message without data
  },
  actions: {
    "order.ship": {
      input: z.object({ order: z.int(), buyer: z.string() }),
      reply: z.object({ state: z.string() }),
    },
  },
});
