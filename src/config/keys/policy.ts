import { key, optional } from "../key.ts";
import { grants, oneOf } from "../values.ts";

const ANYONE = oneOf(["anyone", "granted", "nobody"]);
const MEMBERS = oneOf(["members", "granted", "nobody"]);
const READERS = oneOf(["members", "granted"]);

const GRANTED = "`granted`; in development mode `anyone`";

/** Settings of the default policy: what users may do. docs/PERMISSIONS.md describes them. */
export const POLICY = {
  join: optional(ANYONE, {
    doc: "who may join a group: `anyone`, `granted` (by the token, or a durable member) or `nobody`",
    defaultText: GRANTED,
  }),
  sendToUser: key(ANYONE, "anyone", {
    doc: "who may send to a user: `anyone`, `granted` or `nobody`",
  }),
  sendToGroup: key(MEMBERS, "members", {
    doc: "who may send to a group: `members` (and who is granted it), `granted` or `nobody`",
  }),
  broadcast: optional(ANYONE, {
    doc: "who may send to everyone: `anyone`, `granted` or `nobody`",
    defaultText: "`nobody`; in development mode `anyone`",
  }),
  edit: key(ANYONE, "granted", {
    doc: "who may edit and delete messages that they have sent: `anyone`, `granted` or `nobody`",
  }),
  history: key(READERS, "members", {
    doc: "who may read the history of a group: `members` (and who is granted it) or `granted`",
  }),
  presence: optional(ANYONE, {
    doc: "who may see who is online: `anyone`, `granted` (oneself, members within their group, and what the token grants) or `nobody`",
    defaultText: GRANTED,
  }),
  anonymous: key(grants(), false, {
    doc:
      "admit clients without a token as visitors, who may only what is granted here: `true` for nothing but their own channel, or an object " +
      'of grants (JSON in the environment), such as `{"history":["all"],"join":["group:lobby"]}`',
  }),
};
