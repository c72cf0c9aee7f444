import { key } from "../key.ts";
import { retentionRules, whole } from "../values.ts";

/** Settings of histories. */
export const HISTORY = {
  count: key(whole(1), 1000, { unit: "messages", doc: "messages kept per channel" }),
  pageBytes: key(whole(1), 262_144, { unit: "bytes", doc: "size at which a page of a history ends" }),
  ageMs: key(whole(1), 604_800_000, { unit: "ms", doc: "how long messages are kept (7 days)" }),
  channelBytes: key(whole(1), 16_777_216, {
    unit: "bytes",
    doc: "size of a channel's messages; beyond it the oldest are removed. In Redis up to an eighth more for each node",
  }),
  totalBytes: key(whole(1), 268_435_456, {
    unit: "bytes",
    doc: "size of all history in memory; beyond it the heaviest channels are evicted (Redis has its own limit, `data` has `storage.maxBytes`)",
  }),
  devicesPerUser: key(whole(1), 32, {
    unit: "devices",
    doc: "devices of a user whose cursors a channel keeps; beyond it the one that acknowledged longest ago is forgotten",
  }),
  channels: key(
    retentionRules(),
    {},
    {
      doc:
        "retention of some channels, as JSON by patterns: " +
        '`{"group:live-*":{"count":100,"ageMs":60000},"group:typing-*":"none"}`. `count` (or `"last":true`: a last-value channel), `ageMs`, `bytes`, or `none`: nothing is stored',
      defaultText: "none",
    },
  ),
};
