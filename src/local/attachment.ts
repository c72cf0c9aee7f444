/**
 * Base of the state that a higher room keeps about one connection (see `Connection.attached`). A connection holds at
 * most one object of each class. The objects hang on the connection, so they are collected with it: no table of
 * connections has to be kept in step.
 */
export abstract class Attachment {
  /** Class of the object. Comparing it takes some nanoseconds, `instanceof` a class that varies takes hundreds. */
  readonly kind: unknown;
  /** Next object on the same connection. A linked list costs one field, a map some 200 bytes per connection. */
  next: Attachment | undefined = undefined;

  constructor() {
    this.kind = new.target;
  }
}
