import { Attachment } from "../local/local.ts";

/** Groups to which the application has joined a connection. The policy was not asked, and does not end them. */
export class PlacedGroups extends Attachment {
  readonly names = new Set<string>();
}
