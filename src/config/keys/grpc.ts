import { key, optional } from "../key.ts";
import { whole } from "../values.ts";

/** Settings of the gRPC server. */
export const GRPC = {
  port: optional(whole(0, 65_535), {
    doc: "port of the gRPC server, beside that of HTTP on the same host; 0 takes a free one",
    defaultText: "none, no gRPC",
  }),
  maxStreams: key(whole(1), 1_000, {
    unit: "connections",
    doc: "streams of channels by gRPC on this node; beyond it another one is refused with `UNAVAILABLE`",
  }),
};
