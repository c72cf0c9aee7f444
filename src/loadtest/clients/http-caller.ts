import { type ClientRequest, Agent as HttpAgent, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { Target } from "../plan.ts";
import { plain } from "./client.ts";

export interface HttpCall {
  readonly method: "GET" | "POST";
  /** Path of the target, with that of its base. */
  readonly path: string;
  readonly body?: string;
}

/** Calls of a target's HTTP API, at the address that was checked when the target was read. */
export class HttpCaller {
  readonly #url: URL;
  readonly #isSecure: boolean;
  readonly #agent: HttpAgent;
  readonly #lookup: LookupFunction;
  readonly #apiKey: string | undefined;
  /** Give up the calls in flight. */
  readonly #inFlight = new Set<() => void>();

  /** @param http base of the target's HTTP API */
  constructor(http: string, { endpoint }: Target, apiKey: string | undefined, maxSockets: number) {
    this.#url = new URL(http);
    this.#isSecure = this.#url.protocol === "https:";
    this.#lookup = lookupOf(endpoint.host);
    this.#apiKey = apiKey;
    const settings = { keepAlive: true, maxSockets };
    this.#agent = this.#isSecure ? new HttpsAgent(settings) : new HttpAgent(settings);
  }

  /** @param answered called once, with the reason when the call failed */
  call({ method, path, body }: HttpCall, answered: (refusal?: string) => void): void {
    const headers: Record<string, string | number> = {};
    if (body !== undefined) headers["content-type"] = "application/json";
    if (body !== undefined) headers["content-length"] = Buffer.byteLength(body);
    if (this.#apiKey !== undefined) headers["x-api-key"] = this.#apiKey;
    const send = this.#isSecure ? requestHttps : requestHttp;
    const url = new URL(path, this.#url);
    const request = send(url, { method, agent: this.#agent, lookup: this.#lookup, headers });
    const giveUp = (): void => answer("no answer before the end");
    this.#inFlight.add(giveUp);
    const answer = (refusal?: string): void => {
      if (this.#inFlight.delete(giveUp)) answered(refusal);
    };
    readAnswer(request, answer);
    request.end(body);
  }

  /** Ends what is under way: its calls fail. */
  close(): void {
    this.#agent.destroy();
    for (const giveUp of [...this.#inFlight]) giveUp();
  }
}

/** Leads every name to the address that was checked when the target was read. */
function lookupOf(address: string): LookupFunction {
  const family = isIP(address);
  return (_name, { all }, callback) => {
    if (all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

function readAnswer(request: ClientRequest, answer: (refusal?: string) => void): void {
  request.on("error", (error) => answer("code" in error ? String(error.code) : error.message));
  request.on("response", (response) => {
    const status = response.statusCode ?? 0;
    let text = "";
    response.setEncoding("utf8").on("data", (part: string) => {
      if (text.length < 1_000) text += part;
    });
    response.on("error", (error) => answer(error.message));
    response.on("end", () => {
      if (status === 200) return answer();
      const message = /"message":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? "";
      answer(`HTTP ${status}${message === "" ? "" : `: ${plain(message)}`}`);
    });
  });
}
