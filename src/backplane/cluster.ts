/** The nodes of the cluster, and the commands that one node sends to others. */
export interface Cluster {
  nodes(): Promise<NodeStatus[]>;
  /** Marks this node as closing, so that balancers and operators send it no new clients. */
  drain(): Promise<void>;
  /**
   * Runs a command on every node that has connections of its user. A kick also holds on nodes that do not answer: they
   * run it when they continue.
   */
  command(command: Command): Promise<CommandResult>;
  /**
   * Changes a setting on every node, by `sink.adjusted`: on this one before the promise resolves, on the others soon after. The
   * value outlives nodes where the backplane does. Of two calls at once one comes last, and all nodes end with its value.
   * @param value JSON
   * @param atOnce what happens when another call changes the setting at the same time, which `sink.adjusted` has not told yet: `follow`
   * comes after it, `refuse` changes nothing. @default "follow"
   * @throws TidingsError `conflict` for what is refused
   */
  adjust(name: Adjustable, value: string, atOnce?: AtOnce): Promise<void>;
  /**
   * Gives a setting its first value, as {@link adjust} does. A setting that has a value keeps it, and it is in force on this node before
   * the promise resolves. Of two calls at once one comes first, and all nodes have its value.
   * @param value JSON
   */
  propose(name: Adjustable, value: string): Promise<void>;
  /**
   * Passes a question to `sink.asked` of one node, or of every node in the registry and of this one, and collects the answers until
   * the deadline. questions.ts says what questions and answers are.
   * @returns an entry for each node that was asked, by its id; undefined: it has not answered
   * @throws TidingsError `not_found` when no node has this id. A question to this node itself needs no backplane
   */
  ask(question: string, to: Addressee): Promise<ReadonlyMap<string, string | undefined>>;
}

/** Receiver of a question, with its deadline. */
export interface Addressee {
  /** Id of the node. @default every node */
  readonly node?: string;
  /** Time after which missing answers are given up, in milliseconds. */
  readonly timeoutMs: number;
}

/** Settings that all nodes share and may change while they run: the limits of clients, and the key of the proofs in positions. */
export const ADJUSTABLE = ["limits", "positionKey"] as const;

export type Adjustable = (typeof ADJUSTABLE)[number];

/** See {@link Cluster.adjust}. */
export type AtOnce = "follow" | "refuse";

/** The sum of the answers of all nodes. */
export interface CommandResult {
  /** Connections that the command concerned, on the nodes that answered. */
  readonly connections: number;
  /** Nodes with connections of the user that have not answered. 0: the command has run everywhere. */
  readonly unconfirmed: number;
}

/** This node, as it registers itself. */
export interface NodeInfo {
  readonly id: string;
  /** The address under which others reach this node, as the registry shows it. */
  readonly ip: string;
  readonly port: number;
  /** Connections on this node now. */
  connections(): number;
}

/** A node in the registry. */
export interface NodeStatus {
  readonly id: string;
  readonly ip: string;
  readonly port: number;
  readonly status: "active" | "draining";
  readonly connections: number;
  /** Milliseconds since the node told this; 0 for the node that is asked, which knows it. */
  readonly ageMs: number;
}

/** An order to the nodes that have connections of a user. */
export type Command =
  | {
      readonly kind: "kick";
      readonly user: string;
      readonly cause: "kicked" | "replaced" | "blocked";
      /** Only this connection. */
      readonly connection?: string;
      /** Only connections on this platform. */
      readonly platform?: string;
      readonly reason?: string;
      readonly notice?: unknown;
    }
  | {
      readonly kind: "join" | "leave";
      readonly user: string;
      readonly group: string;
      /** Only this connection. */
      readonly connection?: string;
      /** In a join: stored messages that the connection gets first, the last ones or those since a time, in ms since 1970. */
      readonly rewind?: { readonly last?: number | undefined; readonly since?: number | undefined };
    }
  /** Asks for the rights of all connections of the user again. */
  | { readonly kind: "refresh"; readonly user: string };
