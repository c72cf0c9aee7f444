/** The frames of the page's connection, for the Frames panel. */
export type { OpenCall } from "./calls.ts";
export type { ChannelRow } from "./channels.ts";
export { framesAsText } from "./copy.ts";
export { EVERY_FRAME, FilteredFrames, type FrameFilter } from "./filter.ts";
export type { Direction, Frame } from "./frame.ts";
export { indentJson } from "./indent.ts";
export { FrameLog } from "./log.ts";
