/**
 * Meaning of a failure of Redis or of its client. `full`, `unsaved`, `unreplicated`: it takes no writes now. `denied`: the
 * user lacks a right. `credentials`, `settings`, `certificate`: another attempt with the same settings fails too.
 * `unreachable`: it does not answer or cannot work now. `mistake`: a fault of this code.
 */
export type FailureKind =
  | "full"
  | "unsaved"
  | "unreplicated"
  | "denied"
  | "credentials"
  | "settings"
  | "certificate"
  | "unreachable"
  | "mistake";

/** Kinds of failures in which Redis answers, and refuses writes only. */
export type RefusedWrites = Extract<FailureKind, "full" | "unsaved" | "unreplicated">;

/**
 * Error replies by their texts, the first match decides. Redis 6.2 puts text of its own before the code when a script
 * fails, and does not name the code when a script lacks a right.
 */
const REPLIES: readonly (readonly [RegExp, FailureKind])[] = [
  [/\bOOM\b/, "full"],
  [/\bMISCONF\b/, "unsaved"],
  [/\bNOREPLICAS\b/, "unreplicated"],
  [/\b(?:NOAUTH|WRONGPASS)\b|invalid password|AUTH failed/, "credentials"],
  [/\bNOPERM\b|ACL failure in script|the user executing the script can't/i, "denied"],
  [/DB index is out of range|cluster support disabled|SELECT is not allowed in cluster mode/i, "settings"],
  [/\b(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|BUSY)\b/, "unreachable"],
];

/** Codes of TLS: Node and OpenSSL name what they do not accept, and what the server does not. */
const CERTIFICATE_CODE = /CERT|SELF_SIGNED|UNABLE_TO_|^ERR_(?:SSL|TLS|OSSL)/;

/** @param text all texts of the failure. @param isReply true for an error reply of Redis */
export function kindOfText(text: string, isReply: boolean): FailureKind {
  const [, kind] = REPLIES.find(([pattern]) => pattern.test(text)) ?? [];
  return kind ?? (isReply ? "mistake" : "unreachable");
}

/** Finds the meaning of an error, its causes included. */
export function kindOf(error: unknown): FailureKind {
  const chain = chainOf(error);
  if (chain.some(({ code }) => CERTIFICATE_CODE.test(code))) return "certificate";
  return kindOfText(chain.map(({ text }) => text).join(" "), false);
}

/** Texts and codes of an error and its causes: the client library wraps what the nodes of a Redis Cluster answer. */
export function chainOf(error: unknown): { text: string; code: string }[] {
  if (!(error instanceof Error)) return [{ text: String(error), code: "" }];
  const code: unknown = Reflect.get(error, "code");
  // A host with several addresses fails with an error of each, and a message that is empty.
  const errors: unknown = Reflect.get(error, "errors");
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  const cause: unknown = error.cause ?? Reflect.get(error, "lastNodeError") ?? first;
  const own = { text: error.message, code: typeof code === "string" ? code : "" };
  return cause === undefined || cause === null ? [own] : [own, ...chainOf(cause)];
}

/** Whether every further attempt with the same settings must fail, so that a first start ends. */
export const isFinal = (kind: FailureKind): boolean =>
  kind === "denied" || kind === "credentials" || kind === "settings" || kind === "certificate";

export const refusesWrites = (kind: FailureKind): kind is RefusedWrites =>
  kind === "full" || kind === "unsaved" || kind === "unreplicated";

const PHRASES: Readonly<Record<FailureKind, string>> = {
  full: "Redis is full (OOM: maxmemory) and stores no messages until old ones expire or it gets more memory",
  unsaved: "Redis takes no writes because it cannot save its data to disk (MISCONF)",
  unreplicated: "Redis takes no writes because too few replicas follow it (NOREPLICAS)",
  denied: 'the user of this node lacks a right in Redis (docs/OPERATIONS.md, "Rights in Redis")',
  credentials: "Redis does not accept the user and the password of this node",
  settings: "Redis does not have what is configured",
  certificate:
    "TLS with Redis fails (see cluster.redisCa, cluster.redisCert and cluster.redisKey; REDIS_CA, REDIS_CERT, REDIS_KEY)",
  unreachable: "Redis is unavailable",
  mistake: "a command failed in Redis",
};

/** Says what a failure means, in one phrase for the operator. */
export const phraseOf = (kind: FailureKind): string => PHRASES[kind];
