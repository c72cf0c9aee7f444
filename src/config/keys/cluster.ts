import { key, optional } from "../key.ts";
import { certificates, privateKey, seconds, text } from "../values.ts";

/** Prefix without braces, because Redis Cluster would read them as a hash tag and choose the slot by it. */
const PREFIX = /^[^\s{}\p{Cc}]{1,128}$/u;

/** Settings of the cluster, and of the connection to Redis. */
export const CLUSTER = {
  prefix: key(
    text("1–128 characters, none of them a space or a brace", (value) => PREFIX.test(value)),
    "tidings:",
    {
      env: "REDIS_PREFIX",
      doc: "prefix of all keys and channels in Redis; nodes with one prefix form a cluster",
    },
  ),
  heartbeatInterval: key(seconds(), 10, {
    unit: "s",
    doc: "interval of a node's heartbeats to the others",
  }),
  nodeTimeout: key(seconds(), 60, {
    unit: "s",
    doc: "time without a heartbeat after which a node is declared dead; at least 3 × `cluster.heartbeatInterval`",
  }),
  sentinelUsername: optional(text("a name of at least one character"), {
    env: "REDIS_SENTINEL_USERNAME",
    doc: "user for the Sentinels, where they have users",
  }),
  sentinelPassword: optional(text("a password of at least one character"), {
    env: "REDIS_SENTINEL_PASSWORD",
    secret: "value",
    doc: "password for the Sentinels (`requirepass`); that of Redis itself is in `redis`",
  }),
  redisCa: optional(certificates(), {
    env: "REDIS_CA",
    doc: "certificates that sign that of Redis, in PEM or as the path of a file; needs `rediss…`",
    defaultText: "the authorities that Node trusts",
  }),
  redisCert: optional(certificates(), {
    env: "REDIS_CERT",
    doc: "certificate by which this node shows itself to Redis, in PEM or as the path of a file",
  }),
  redisKey: optional(privateKey(), {
    env: "REDIS_KEY",
    secret: "value",
    doc: "private key of `cluster.redisCert`, in PEM or as the path of a file",
  }),
};
