import { ConsoleSpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { createHub } from "tidings";

// In production: new BatchSpanProcessor(new OTLPTraceExporter()).
const printer = new SimpleSpanProcessor(new ConsoleSpanExporter());
// Registers the provider, and what makes the context follow each call.
new NodeTracerProvider({ spanProcessors: [printer] }).register();

const hub = createHub({ tracing: true });
hub.action("greet.everyone", ({ user }) => hub.broadcast({ type: "greeting", data: { user } }));
console.log(await hub.listen({ port: Number(process.env.PORT ?? 3000) }));
