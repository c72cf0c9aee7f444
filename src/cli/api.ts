import { type Command, Option } from "commander";
import { z } from "zod";
import { isApiKey, maskValue, type Scope, splitApiKey } from "../config/config.ts";
import { isErrorCode, TidingsError } from "../protocol/protocol.ts";

/** The server to call, and the API key for it. */
export interface ApiFlags {
  url: string;
  apiKey?: string;
  json?: true;
}

const DEFAULT_URL = "http://127.0.0.1:8080";

/** Timeout of a call. */
const TIMEOUT_MS = 30_000;

/**
 * Adds the flags of a command that calls a running server.
 * @param scope scope of the API key that the command needs
 */
export function addApiFlags(command: Command, scope: Scope): Command {
  const key = new Option(
    "--api-key <key>",
    `API key of the server, of the scope ${scope} or admin; without the flag and API_KEY the one in API_KEYS`,
  ).env("API_KEY");
  const found = keyInEnvironment(scope);
  return command
    .addOption(new Option("--url <url>", "URL of the server").env("TIDINGS_URL").default(DEFAULT_URL))
    .addOption(found === undefined ? key : key.default(found, "from API_KEYS"))
    .option("--json", "print JSON");
}

/** Finds a key of the scope, or else of the scope `admin`, in the variable that the server reads. */
function keyInEnvironment(scope: Scope): string | undefined {
  const items = (process.env.API_KEYS ?? "").split(",").map((item) => item.trim());
  const keys = items.filter(isApiKey).map(splitApiKey);
  return (keys.find((each) => each.scope === scope) ?? keys.find((each) => each.scope === "admin"))?.key;
}

/**
 * Calls the HTTP API of a running server.
 * @param body JSON of a POST or PUT; without it the request is a GET
 * @throws TidingsError the server's error, `unavailable` without a server, `internal` when the reply has another shape
 */
export async function callApi<Reply>(
  flags: ApiFlags,
  path: string,
  schema: z.ZodType<Reply>,
  body?: object,
  method?: "POST" | "PUT",
): Promise<Reply> {
  const response = await request(flags, path, body, method);
  const text = await response.text();
  const content = parseJson(text);
  if (!response.ok) throw refusal(response.status, content, flags);
  const { success, data } = schema.safeParse(content);
  if (success) return data;
  throw new TidingsError(
    "internal",
    `${shown(flags)} sent a reply of an unknown shape: is it a Tidings server of this version?`,
    {
      cause: text.slice(0, 200),
    },
  );
}

async function request(
  flags: ApiFlags,
  path: string,
  body: object | undefined,
  method = "POST",
): Promise<Response> {
  const { url, apiKey } = flags;
  const address = `${url.replace(/\/+$/, "")}${path}`;
  if (!isAddress(address)) {
    const expected = `a URL such as ${DEFAULT_URL}, without user and password`;
    throw new TidingsError("bad_request", `--url: expected ${expected}`);
  }
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (apiKey !== undefined) headers["x-api-key"] = apiKey;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  // A redirect would take the key elsewhere, and make a POST a GET.
  const init: RequestInit = { headers, signal, redirect: "manual" };
  try {
    if (body === undefined) return await fetch(address, init);
    return await fetch(address, { ...init, method, body: JSON.stringify(body) });
  } catch (error) {
    throw new TidingsError("unavailable", `no reply from ${shown(flags)}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** `fetch` refuses user and password in a URL, and its error would show them. */
function isAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username === "" && password === "";
}

const shown = ({ url }: ApiFlags): string => maskValue(url, "password");

/** The message of `fetch` is only "fetch failed"; its cause has the reason. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `timeout after ${TIMEOUT_MS / 1000} s`;
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  if ("code" in cause && cause.code === "ECONNREFUSED")
    return "connection refused. Is the server running? (tidings serve)";
  return cause.message;
}

const Failure = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

function refusal(status: number, content: unknown, flags: ApiFlags): TidingsError {
  const { success, data } = Failure.safeParse(content);
  if (status >= 300 && status < 400)
    throw new TidingsError(
      "unavailable",
      `${shown(flags)} redirects to another address: name that one, if you trust it (--url)`,
    );
  if (!success)
    return new TidingsError(
      "unavailable",
      `${shown(flags)} replied with HTTP ${status}: is it a Tidings server?`,
    );
  const { code, message } = data.error;
  const hint =
    code === "unauthorized" && flags.apiKey === undefined ? " (pass --api-key, or set API_KEY)" : "";
  return new TidingsError(isErrorCode(code) ? code : "internal", `${message}${hint}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
