import { type Signal, signal } from "@preact/signals";

/**
 * Whether the browser has a network, as it says itself. Its event comes before a connection is noticed as lost. A hub on
 * this machine is reached without a network, so a frame that arrives later outweighs the event.
 */
export class Reachability {
  /** False from the browser's event `offline` until its event `online`, or until a frame arrives. */
  readonly hasNetwork: Signal<boolean> = signal(navigator.onLine);
  readonly #demandProof: () => void;

  /** @param demandProof called when the network is gone: a connection that is alive answers */
  constructor(demandProof: () => void) {
    this.#demandProof = demandProof;
    addEventListener("online", this.#changed);
    addEventListener("offline", this.#changed);
  }

  /** A frame has arrived. */
  proven(): void {
    if (!this.hasNetwork.peek()) this.hasNetwork.value = true;
  }

  stop(): void {
    removeEventListener("online", this.#changed);
    removeEventListener("offline", this.#changed);
  }

  readonly #changed = ({ type }: Event): void => {
    this.hasNetwork.value = type === "online";
    if (type === "offline") this.#demandProof();
  };
}
