import { type Config, type ConfigInput, resolveConfig } from "./config/config.ts";
import type { LimitSettings } from "./gateway/gateway.ts";
import { TidingsError, toTidingsError } from "./protocol/protocol.ts";

type LimitConfig = Config["limits"];

export interface LimitSettingsPorts {
  /** @throws TidingsError `bad_request` for limits that contradict each other */
  readonly check: (limits: LimitConfig) => void;
  /** Puts limits in force on this node. */
  readonly apply: (limits: LimitConfig) => void;
  /** Gives all nodes the changes, as JSON. */
  readonly share: (changes: string) => Promise<void>;
  readonly report: (stage: string, error: unknown) => void;
}

/** The limits of this node: those of its configuration, and the changes that were made on all nodes while they run. */
export class RunningLimits implements LimitSettings {
  readonly #ports: LimitSettingsPorts;
  #configured: LimitConfig;
  #inForce: LimitConfig;
  #changes: ConfigInput["limits"] = {};

  constructor(configured: LimitConfig, ports: LimitSettingsPorts) {
    this.#configured = configured;
    this.#inForce = configured;
    this.#ports = ports;
  }

  get inForce(): LimitConfig {
    return this.#inForce;
  }

  get changes(): object {
    return this.#changes ?? {};
  }

  async change(changes: unknown): Promise<void> {
    this.#checked(this.#configured, changes); // before any node hears of a bad value
    await this.#ports.share(JSON.stringify(changes));
  }

  /** Takes changes that a node has shared. Another version may have made them: what this one refuses is reported. */
  changed(text: string): void {
    try {
      const changes: unknown = JSON.parse(text);
      this.#apply(this.#configured, changes);
      this.#changes = changes as ConfigInput["limits"]; // checked by #apply
    } catch (error) {
      this.#ports.report("limits", error);
    }
  }

  /**
   * Takes new limits of the configuration. The changes stay in force.
   * @throws TidingsError `bad_request` listing what is wrong; then nothing has changed
   */
  configure(limits: ConfigInput["limits"]): void {
    const configured = resolveConfig({ code: { limits } }).limits;
    this.#apply(configured, this.#changes);
    this.#configured = configured;
  }

  #apply(configured: LimitConfig, changes: unknown): void {
    const limits = this.#checked(configured, changes);
    this.#ports.apply(limits);
    this.#inForce = limits;
  }

  /** @throws TidingsError `bad_request` */
  #checked(configured: LimitConfig, changes: unknown): LimitConfig {
    const limits = merged(configured, changes);
    if (limits.http.store !== this.#inForce.http.store)
      throw new TidingsError("bad_request", "http.store: cannot change while the hub runs");
    this.#ports.check(limits);
    return limits;
  }
}

/** @throws TidingsError `bad_request` listing every unknown setting and every bad value */
function merged(configured: LimitConfig, changes: unknown): LimitConfig {
  try {
    const code = { limits: changes } as ConfigInput; // checked by resolveConfig
    return resolveConfig({ code, file: { limits: configured } }).limits;
  } catch (thrown) {
    const { code, message } = toTidingsError(thrown);
    throw new TidingsError(code, message.replaceAll("option limits.", ""), { cause: thrown });
  }
}
