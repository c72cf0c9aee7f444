/** What an OpenAPI document says, in a form to show. docs/HTTP-API.md is made with it too. */

export { curlOf, exampleOf } from "./curl.ts";
export type { OpenApi, OperationObject, Schema } from "./document.ts";
export { groupsOf, type OperationGroup } from "./groups.ts";
export { type Field, type Operation, operationsOf, typeText } from "./operations.ts";
export { isLong, laidOut, typeOf } from "./shape.ts";
