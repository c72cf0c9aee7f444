/** The server's side of RFC 6455 and RFC 7692: handshake, frames, closing handshake. */
export type { MessageLimits } from "./receiver.ts";
export { type Ending, ServerSocket, type SocketEvents, type SocketSettings } from "./server-socket.ts";
export { answerTo, type UpgradeAnswer } from "./upgrade-answer.ts";
