/** The messages that the page sends, each with its data. It shows any other as JSON. */
export interface Events {
  chat: { readonly text: string } & Tagged;
  /** A picture by its address; the bytes never pass through the hub. */
  img: { readonly url: string } & Tagged;
  /** Someone is writing. Ephemeral: of no use later. */
  typing: undefined;
}

/** On groups and `all` a sender gets its own messages too, and knows them by this. */
export interface Tagged {
  readonly nonce?: string;
}
