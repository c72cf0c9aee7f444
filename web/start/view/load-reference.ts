import type { VNode } from "preact";
import { hubUrl } from "../../shared/shared.ts";
import type { OpenApi } from "../openapi/openapi.ts";

/** The outcome of loading: the document with the view for it, a key that the hub does not take, or a failure. */
export type Loaded =
  | {
      readonly is: "ready";
      readonly document: OpenApi;
      readonly Reference: (properties: { readonly document: OpenApi }) => VNode;
    }
  | { readonly is: "refused" | "failed"; readonly message: string };

/** Loads the description of the HTTP API, and the code that shows it. @param key of the API; undefined in development mode */
export async function loadReference(key: string | undefined): Promise<Loaded> {
  try {
    const headers: HeadersInit = key === undefined ? {} : { "x-api-key": key };
    const [{ Reference }, answer] = await Promise.all([
      import("../reference/reference.tsx"),
      fetch(hubUrl("/openapi.json"), { headers }),
    ]);
    const body: OpenApi & { readonly error?: { readonly message: string } } = await answer.json();
    if (answer.ok) return { is: "ready", document: body, Reference };
    const is = answer.status === 401 || answer.status === 403 ? "refused" : "failed";
    return { is, message: body.error?.message ?? `The hub answered ${answer.status}.` };
  } catch {
    return { is: "failed", message: "The hub cannot be reached." };
  }
}
