import type { Positions } from "../../protocol/protocol.ts";
import { LEAVING, onPage } from "../connection/page.ts";
import type { ClientOptions, PositionStorage } from "../options.ts";

/** Positions of a user, as the storage holds them. */
export interface Saved {
  readonly user: string;
  readonly positions: Positions;
}

/**
 * The positions of this page in its session storage. Tabs of a user share a device, so a tab that reloads cannot continue
 * from the device's cursor: another tab may have acknowledged what this one missed.
 */
export class SavedPositions {
  readonly #options: ClientOptions;
  readonly #read: () => Saved | undefined;
  readonly #stopListening: () => void;

  constructor(options: ClientOptions, read: () => Saved | undefined) {
    this.#options = options;
    this.#read = read;
    this.#stopListening = onPage(LEAVING, () => this.#save());
  }

  load(): Saved | undefined {
    return this.#access((storage, key) => JSON.parse(storage.getItem(key) ?? "") as Saved); // written by #save
  }

  /** Saves a last time. */
  close(): void {
    this.#stopListening();
    this.#save();
  }

  #save(): void {
    const saved = this.#read();
    if (saved) this.#access((storage, key) => storage.setItem(key, JSON.stringify(saved)));
  }

  /**
   * Outside of pages there is no storage to share with a reload. Pages that may not use theirs throw, also when they ask
   * for it. Then, and when it is full, a reload continues from the cursor of the device.
   */
  #access<Result>(use: (storage: PositionStorage, key: string) => Result): Result | undefined {
    const { url, user, device, positions, storage } = this.#options;
    const page = globalThis as { document?: unknown; sessionStorage?: PositionStorage };
    try {
      const found = storage ?? (page.document ? page.sessionStorage : undefined);
      // An application that passes positions keeps them itself. The query of the URL may be a secret.
      if (found && !positions) return use(found, ["tidings", url.split("?")[0], user, device].join());
    } catch {}
    return undefined;
  }
}
