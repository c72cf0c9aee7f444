import type { Channel, JoinOptions, Position, Positions } from "../../client/client.ts";

/** A frame of a tab's SDK: a request, a message, or a ping. */
export interface TabFrame {
  readonly id?: number;
  readonly type?: string;
  readonly action?: string;
  readonly data?: Input;
}

/** Fields of the requests that the host answers itself. The SDK has made them. */
export interface Input extends Joining {
  readonly resume?: Positions;
  readonly channel: Channel;
  readonly epoch: string;
  readonly offset: number;
  readonly users?: readonly string[];
  readonly all?: true;
}

/** A join, or a group that a login names. */
export type Joining = JoinOptions & { readonly group: string; readonly position?: Position | undefined };
