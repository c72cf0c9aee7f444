import { z } from "zod";
import { rawBody, rawElements, rawField } from "../../../protocol/protocol.ts";
import { assertAccess } from "../access.ts";
import { MAX_OPERATIONS, operation, runBatch } from "../batch.ts";
import type { ApiPorts } from "../ports.ts";
import { type Route, route } from "../route.ts";
import { commandResult, failure, receipt } from "../schemas.ts";

/** Longest body of a batch, in longest messages: each operation may have 4 KiB of the default. */
const BODY_FACTOR = 8;

/** Operations are checked one by one while they run, so the schema of the route only describes them. */
const { $schema: _, ...described } = z.toJSONSchema(operation, { io: "input", unrepresentable: "any" });

/** Runs many operations by one request. */
export const batchRoute = (ports: ApiPorts): Route =>
  route({
    name: "runBatch",
    access: "publish",
    method: "post",
    path: "/batch",
    summary: "Run up to 1,000 operations in order; kick, join and leave need the scope admin",
    bodyFactor: BODY_FACTOR,
    takes: z.object({
      operations: z.array(z.unknown().meta(described)).min(1).max(MAX_OPERATIONS),
    }),
    gives: z.object({
      results: z
        .array(z.union([receipt, commandResult, failure]))
        .meta({ description: "A receipt, the result of an order, or an error for each, in the same order." }),
    }),
    async handle({ operations }, { req, env }, written = "{}") {
      const assertCommands = (): void => assertAccess(req.raw, env?.address, "admin", ports);
      const maxDataLength = ports.limits.maxMessageBytes;
      const texts = rawElements(rawField(written, "operations") ?? "[]");
      const bodyOf = (index: number): string | undefined => rawBody(texts[index] ?? "{}");
      return { results: await runBatch(ports, operations, { assertCommands, maxDataLength, bodyOf }) };
    },
  });
