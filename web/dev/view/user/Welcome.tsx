import type { VNode } from "preact";
import { Logo } from "../../../shared/shared.ts";
import type { Page } from "../../model/page.ts";
import { UserForm } from "./UserForm.tsx";

/** Shown until a user is chosen. */
export function Welcome({ page }: { page: Page }): VNode {
  return (
    <main class="welcome">
      <div class="card">
        <Logo />
        <h1>Tidings is running</h1>
        <p>
          This is development mode: without a secret the server trusts every user id. Open this page in two
          tabs as two users, and let them write to each other.
        </p>
        <UserForm label="Who are you?" value="alice" onUser={(user) => page.beUser(user)} />
      </div>
    </main>
  );
}
