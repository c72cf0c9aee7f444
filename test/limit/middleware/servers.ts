import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { onTestFinished } from "vitest";
import {
  expressMiddleware,
  fastifyHook,
  honoMiddleware,
  httpHandler,
  type RateLimiter,
} from "../../../src/limit/limit.ts";

/** Tells the user of a request by its header x-user. "broken" throws, as an application's function may. */
function userOf(value: string | readonly string[] | undefined): string | undefined {
  if (value === "broken") throw new Error("broken");
  return typeof value === "string" ? value : undefined;
}

const userOfNode = ({ headers }: IncomingMessage) => userOf(headers["x-user"]);

/** Servers that answer `ok` to every path, with a limiter in front. */
export const SERVERS: Record<string, (limiter: RateLimiter) => Server | Promise<Server>> = {
  "node:http": (limiter) =>
    createServer(httpHandler(limiter, (_, response) => response.end("ok"), { user: userOfNode })),

  Express: (limiter) => {
    const app = express();
    app.use(expressMiddleware(limiter, { user: userOfNode }));
    app.use((_, response) => {
      response.send("ok");
    });
    return createServer(app);
  },

  Fastify: async (limiter) => {
    const app = fastify();
    app.addHook("onRequest", fastifyHook(limiter, { user: ({ headers }) => userOf(headers["x-user"]) }));
    app.get("/users/:id", () => "ok");
    app.get("/*", () => "ok");
    await app.ready();
    return app.server;
  },

  Hono: (limiter) => {
    const app = new Hono();
    app.use(honoMiddleware(limiter, { user: ({ req }) => userOf(req.header("x-user")) }));
    app.onError(() => new Response("broken", { status: 500 })); // its own tells the console
    app.get("/users/:id", () => new Response("ok"));
    app.get("/*", () => new Response("ok"));
    return createServer(getRequestListener(app.fetch));
  },
};

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Listens on loopback until the test is over. @returns a function that sends a GET with exactly this target */
export async function serve(
  server: Server,
): Promise<(target: string, headers?: Record<string, string>) => Promise<Answer>> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo; // it listens on a port
  return async (path, headers = {}) => {
    const sent = request({ port, host: "127.0.0.1", path, headers, agent: false }).end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    const chunks = await response.setEncoding("utf8").toArray();
    return { status: response.statusCode ?? 0, headers: response.headers, body: chunks.join("") };
  };
}
