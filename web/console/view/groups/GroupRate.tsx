import type { VNode } from "preact";
import { NOTHING, rate } from "../../model/format.ts";

const REASON = "each node counts the messages of its 512 busiest groups only.";

/** A rate of a group, or a dash that says why it is not known. */
export const GroupRate = ({ value }: { readonly value: number | null }): VNode => (
  <span title={value === null ? `Not known: ${REASON}` : undefined}>{rate(value)}</span>
);

/** Explains the dashes above it, also to those without a pointer. */
export const UnknownRates = ({ of }: { readonly of: readonly (number | null)[] }): VNode | null =>
  of.includes(null) ? (
    <p class="muted">
      {NOTHING} stands for a rate that is not known: {REASON}
    </p>
  ) : null;
