import type { VNode } from "preact";
import { hasTrait } from "../../shared/shared.ts";

/** What this is, and how this hub runs. */
export function Hero(): VNode {
  return (
    <section class="hero">
      <Waves />
      <h1>What happens reaches the right people</h1>
      <p class="lead">
        Tidings is a realtime hub. It delivers each message to one user on all devices, to a group, or to
        everyone: at once, in order, and without loss across reconnects.
      </p>
      <p class="hero-state">
        <span class="dot good" />
        {hasTrait("development")
          ? "This hub runs in development mode: everybody is who they say, and strangers are not served."
          : "This hub runs. Clients need a token, and the HTTP API needs a key."}
      </p>
    </section>
  );
}

/** The waves of the logo, drawn large. */
function Waves(): VNode {
  return (
    <svg class="waves" viewBox="0 0 320 120" aria-hidden="true">
      <path d="M0 30c40-40 80-40 120 0s80 40 120 0 60-35 80-22" />
      <path d="M0 62c40-40 80-40 120 0s80 40 120 0 60-35 80-22" />
      <path d="M0 94c40-40 80-40 120 0s80 40 120 0 60-35 80-22" />
    </svg>
  );
}
