/** Message types of the page with their data. The page shows messages of other types as JSON. */
export interface Events {
  chat: { readonly text: string } & Tagged;
  /** A picture by its URL. Its bytes never pass through the hub. */
  img: { readonly url: string } & Tagged;
  /** The sender is typing. Ephemeral, because it is useless later. */
  typing: undefined;
}

/** Marks the sender's own messages, because in groups and `all` the sender receives them as well. */
export interface Tagged {
  readonly nonce?: string;
}
