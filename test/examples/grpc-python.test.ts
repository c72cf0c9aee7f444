import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { descriptorModule, GRPC_PYTHON } from "../../scripts/grpc-descriptor.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { API_KEY } from "../support/keys.ts";
import { NodeProcess } from "../support/nodes/nodes.ts";
import { REPOSITORY } from "../support/repository.ts";
import { needs } from "../support/tools.ts";
import { Program } from "./program.ts";

needs(GRPC_PYTHON);

const BACKEND = join(REPOSITORY, "examples/grpc-python/backend.py");

interface Sent {
  readonly id: string;
  readonly data: { readonly order: string };
}

const folder = mkdtempSync(join(tmpdir(), "tidings-grpc-python-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Makes the modules of the .proto, as the example says. */
function compile(): void {
  const output = [`--python_out=${folder}`, `--grpc_python_out=${folder}`];
  const args = ["-m", "grpc_tools.protoc", "-I", join(REPOSITORY, "proto"), ...output];
  execFileSync(GRPC_PYTHON, [...args, "tidings/v1/tidings.proto"]);
}

it("the descriptor in the source is what the .proto files compile to", () => {
  const made = descriptorModule();
  expect(readFileSync(join(REPOSITORY, "src/gateway/grpc/descriptor.ts"), "utf8")).toBe(made);
});

describe("examples/grpc-python/backend.py", () => {
  it("answers every order once, though the node and the backend crash", async () => {
    compile();
    const grpcPort = await freePort();
    const env = { GRPC_PORT: String(grpcPort), API_KEY, DATA_DIR: join(folder, "data") };
    await using node = await NodeProcess.start("n1", env);
    const headers = { "x-api-key": API_KEY, "content-type": "application/json" };
    const http = `http://127.0.0.1:${node.port}`;
    const order = async (data: number): Promise<void> => {
      const body = JSON.stringify({ type: "order", data, from: "alice" });
      const { status } = await fetch(`${http}/groups/orders/send`, { method: "POST", headers, body });
      expect(status).toBe(200);
    };
    const start = (): Program =>
      new Program(
        GRPC_PYTHON,
        [BACKEND, `127.0.0.1:${grpcPort}`, "group:orders", join(folder, "position.json")],
        { env: { API_KEY, PYTHONPATH: folder } },
      );
    const first = start();
    await order(1);
    await first.prints("order 1 from alice");
    await node.kill();
    await first.prints("interrupted");
    await node.restart();
    await order(2);
    await first.prints("order 2 from alice");
    await order(3);
    await first.prints("order 3 from alice");
    first.kill();
    await first.ended;
    await order(4);
    const second = start();
    await second.prints("order 4 from alice");
    await order(5);
    await second.prints("order 5 from alice");
    const read = async (channel: string): Promise<Sent[]> => {
      const answer = await fetch(`${http}/history?channel=${channel}`, { headers });
      return ((await answer.json()) as { readonly messages: Sent[] }).messages;
    };
    const orders = (await read("group:orders")).map(({ id }) => id);
    expect(orders).toHaveLength(5);
    const answers = await eventually("all orders are answered", async () => {
      const messages = await read("user:alice");
      return messages.length >= orders.length && messages;
    });
    expect(answers.map(({ data }) => data.order)).toEqual(orders);
  });
});
