/** Nodes of a test's own in processes of their own, and a balancer in front of them. */
export { Balancer } from "./balancer.ts";
export { type Answer, type Environment, NodeProcess } from "./process.ts";
export { ProxySockets } from "./proxy-sockets.ts";
