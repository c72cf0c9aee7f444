/** The idempotency key of a publish by the application. Keys of the application and of its users never meet. */
export const applicationKey = (key: string | undefined): string | undefined =>
  key === undefined ? undefined : `app/${key}`;

/** The idempotency key of a publish by a user. Keys of different users never meet. */
export const userKey = (user: string, key: string | undefined): string | undefined =>
  key === undefined ? undefined : `user/${user}/${key}`;
