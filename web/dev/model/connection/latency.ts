import type { Client } from "../../../../src/client/client.ts";
import type { Events } from "../../events.ts";
import type { State } from "../state.ts";

const EVERY_MS = 5_000;

/** Round trips per measurement. The shortest is the latency; the others may include the drawing of the page. */
const TRIPS = 3;

/** Measures the round trip to the server at intervals. */
export class Latency {
  readonly #client: Client<Events>;
  readonly #state: State;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(client: Client<Events>, state: State) {
    this.#client = client;
    this.#state = state;
    this.#timer = setInterval(() => void this.#repeat(), EVERY_MS);
  }

  /** Rejects when the connection breaks. */
  async measure(): Promise<void> {
    const trips: number[] = [];
    while (trips.length < TRIPS) trips.push(await this.#trip());
    this.#state.latencyMs.value = Math.min(...trips);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #trip(): Promise<number> {
    const started = performance.now();
    await this.#client.request("robot.ping");
    return performance.now() - started;
  }

  async #repeat(): Promise<void> {
    if (this.#state.connection.peek().state !== "online") return;
    // The connection's state shows a failure.
    await this.measure().catch(() => {});
  }
}
