/** Users who are online, as this node has told it to those who hear of every user. */
export class Roster {
  readonly #online = new Set<string>();
  /** Users whom the first comparison has read: an event about their arrival may still be on the way. */
  #untold: Set<string> | undefined;
  /** Users of whom the last comparison has told that they are offline: the event may still be on the way. */
  readonly #offline = new Set<string>();
  #isFilled = false;

  /** Begins a comparison. @returns whether it is the first one, which fills the roster and tells nobody */
  begin(): boolean {
    this.#offline.clear();
    this.#untold = this.#isFilled ? undefined : new Set();
    return !this.#isFilled;
  }

  /** Adds a user whom the first comparison has read. */
  fill(user: string): void {
    if (this.#online.has(user)) return;
    this.#online.add(user);
    this.#untold?.add(user);
  }

  filled(): void {
    this.#isFilled = true;
  }

  /** Tells what was told of a user; undefined when that is unknown. */
  toldOf(user: string): boolean | undefined {
    if (this.#offline.has(user)) return false;
    return this.#online.has(user) && !this.#untold?.has(user) ? true : undefined;
  }

  has(user: string): boolean {
    return this.#online.has(user);
  }

  told(user: string, online: boolean): void {
    this.#untold?.delete(user);
    this.#offline.delete(user);
    if (online) this.#online.add(user);
    else this.#online.delete(user);
  }

  /** A comparison has told that a user is offline. */
  foundOffline(user: string): void {
    this.#offline.add(user);
  }

  get online(): Iterable<string> {
    return this.#online;
  }
}
