import type { VNode } from "preact";
import { Icon } from "../../../shared/shared.ts";
import type { Page } from "../../model/page.ts";

interface Props {
  readonly page: Page;
  readonly code: number;
  readonly reason: string;
}

/** Titles by the close codes of docs/PROTOCOL.md. */
const TITLES: Readonly<Record<number, string>> = {
  4501: "You were disconnected",
  4502: "You are connected elsewhere",
  4503: "You have too many tabs open",
  4506: "You are blocked",
};

/** Shown when the server has ended the session for good: the page does not connect again by itself. */
export function Ended({ page, code, reason }: Props): VNode {
  return (
    <main class="ended">
      <div class="card" role="alert">
        <Icon name="failed" />
        <h1>{TITLES[code] ?? "The server has ended the session"}</h1>
        <p class="reason" dir="auto">
          {reason || `Code ${code}`}
        </p>
        <p class="muted">This tab does not connect again by itself.</p>
        <div class="row">
          <button type="button" class="primary" onClick={() => page.connect()}>
            Connect again
          </button>
          <button type="button" onClick={() => page.logOut()}>
            Log out
          </button>
        </div>
      </div>
    </main>
  );
}
