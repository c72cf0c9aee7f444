import { lua, script } from "../connection/connection.ts";

/** Sends a line to a node, also while this one recovers. */
export const TELL = script(
  "tell",
  lua`
-- KEYS[1]  base of any partition
-- ARGV[1]  token of the receiver
-- ARGV[2]  line
-- reply    nil
post(ARGV[1], ARGV[2])
`,
  { checksBirth: false },
);
