import type { StandardSchemaV1 } from "@standard-schema/spec";
import { isSchema, TidingsError } from "../../protocol/protocol.ts";
import type { Identity } from "../auth/auth.ts";

/** A request to an {@link Endpoint}. */
export interface EndpointRequest {
  /** Identity of the user whose token the request brings. Undefined for an endpoint that is `open`. */
  readonly identity: Identity | undefined;
  /** Address of the client; undefined where it is not known. */
  readonly address: string | undefined;
}

/** A part of the HTTP API that is the application's own: `POST` with a JSON object, for users instead of servers. */
export interface Endpoint<Schema extends StandardSchemaV1 = StandardSchemaV1> {
  /** Operation id in the OpenAPI document, for generated clients. */
  readonly name: string;
  /** Such as `/chat/join`. */
  readonly path: string;
  readonly summary: string;
  /** `user`: with the token of a user, as `Authorization: Bearer …`. `open`: for everybody, as a login is. */
  readonly access: "user" | "open";
  /** Any Standard Schema (zod, valibot, arktype, …) that the body must meet. */
  readonly takes: Schema;
  /** JSON Schemas of body and reply, for the OpenAPI document. @default any object */
  readonly describes?: { readonly takes?: object; readonly gives?: object };
  /** Returns the reply: any JSON value. A thrown TidingsError is answered with its code and status. */
  handle(request: EndpointRequest, input: StandardSchemaV1.InferOutput<Schema>): unknown;
}

/** Form of the path of an endpoint: exact, without fields. */
const PATH = /^(?:\/[\w.-]+)+$/;

/** Endpoints that the application adds while the hub runs. */
export class Endpoints {
  readonly #byPath = new Map<string, Endpoint>();

  get list(): readonly Endpoint[] {
    return [...this.#byPath.values()];
  }

  /** Number of endpoints, which only grows. */
  get size(): number {
    return this.#byPath.size;
  }

  /** True with the endpoints of the chat (`createChat`). An application may have others below `/chat/`. */
  get hasChat(): boolean {
    return this.#byPath.get("/chat/login")?.name === "chatLogin";
  }

  /** @throws TidingsError `bad_request` for a path of another form, without access or schema; `conflict` for one that is taken */
  add(endpoint: Endpoint): void {
    const { path, access, takes } = endpoint;
    if (!PATH.test(path)) throw badRequest(`path: expected the form /chat/join, got ${JSON.stringify(path)}`);
    if (access !== "user" && access !== "open") throw badRequest(`${path}: expected access "user" or "open"`);
    if (!isSchema(takes)) throw badRequest(`${path}: expected a schema in takes`);
    if (this.#byPath.has(path)) throw new TidingsError("conflict", `there is a POST ${path} already`);
    this.#byPath.set(path, endpoint);
  }

  find(path: string): Endpoint | undefined {
    return this.#byPath.get(path);
  }
}

const badRequest = (message: string): TidingsError => new TidingsError("bad_request", `endpoint: ${message}`);
