import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Pending } from "../../src/loadtest/clients/client.ts";
import { HttpPublisher } from "../../src/loadtest/worker/http-publisher.ts";
import { Outbox, type Sender } from "../../src/loadtest/worker/outbox.ts";
import { eventually } from "../support/eventually.ts";
import { planFor, targetAt } from "./plans.ts";

const MIB = 1024 * 1024;

describe("the outbox", () => {
  it("leaves out a sender whose messages the server does not take, however few they are", () => {
    const sent: number[] = [];
    const outbox = new Outbox("tb0f0f:", 80);
    const add = (stream: number, unsentBytes: number): void => {
      const sender: Sender = { isOpen: true, pending: 0, unsentBytes, send: ({ id }) => sent.push(id) };
      outbox.add({ id: stream }, sender);
    };
    add(1, 16 * MIB + 1);
    expect(outbox.send(0, () => 0)).toBe(false);
    add(2, 16 * MIB);
    for (let count = 0; count < 3; count++) expect(outbox.send(0, () => 0)).toBe(true);
    expect(sent).toEqual([2, 2, 2]);
  });

  it("says how many refused messages it no longer knows by name", () => {
    const outbox = new Outbox("tb0f0f:", 80);
    outbox.add({ id: 1 }, { isOpen: true, pending: 0, unsentBytes: 0, send: () => {} });
    for (let number = 0; number < 4_000; number += 2) outbox.excuse({ stream: 1, number, plannedUs: 0 });
    const [sent] = outbox.sent();
    expect(sent).toMatchObject({ forgotten: 1_000 });
    expect(sent?.excused).toHaveLength(1_000);
  });
});

/** A publisher whose target has a name that leads nowhere, and the address of a server that answers so. */
async function startPublisher(path: string, answer: RequestListener) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  const here = targetAt(address.port);
  const http = `http://checked.invalid:${address.port}/base`;
  const answers: (string | undefined)[] = [];
  const publisher = new HttpPublisher(
    {
      plan: planFor({ scenario: "direct", via: "http" }),
      answered: (_: Pending, refusal?: string) => answers.push(refusal),
    },
    { ...here, path, http },
    http,
  );
  onTestFinished(() => {
    publisher.close();
    server.closeAllConnections();
    server.close();
  });
  const send = (number: number): void =>
    publisher.send({ id: 1, to: "u" }, "data", { stream: 1, number, plannedUs: 0 });
  return { publisher, answers, send };
}

describe("a publisher over HTTP", () => {
  it("posts to the address that was checked, below the path of the WebSocket", async () => {
    const asked: string[] = [];
    const { publisher, answers, send } = await startPublisher("/base/live/?x=1", (request, response) => {
      asked.push(`${request.method} ${request.headers.host?.replace(/:\d+/, "")} ${request.url}`);
      response.end("{}");
    });
    send(0);
    expect(publisher.unsentBytes).toBeGreaterThan(0);
    await eventually("the server has answered", () => answers.length === 1);
    expect(answers).toEqual([undefined]);
    expect(asked).toEqual(["POST checked.invalid /base/live/message"]);
    expect(publisher).toMatchObject({ pending: 0, unsentBytes: 0 });
  });

  it("tells of every message when it is closed, also of the one that is under way", async () => {
    let isAsked = false;
    const { publisher, answers, send } = await startPublisher("/ws", () => {
      isAsked = true;
    });
    for (const number of [0, 1]) send(number);
    await eventually("a request is under way", () => isAsked);
    publisher.close();
    expect(answers).toEqual(["not sent before the end", "no answer before the end"]);
    expect(publisher).toMatchObject({ pending: 0, unsentBytes: 0 });
  });
});
