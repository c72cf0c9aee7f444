/** Messages by type, and their data. Server and page import this file. */
export interface Events {
  chat: { text: string };
}
