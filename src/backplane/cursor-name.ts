/** Names a user's device among the cursors of a channel. Ids have no control characters, so the line break keeps the two apart. */
export const cursorName = (user: string, device: string): string => `${user}\n${device}`;
