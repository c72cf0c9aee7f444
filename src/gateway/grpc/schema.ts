import {
  createFileRegistry,
  type DescMessage,
  type DescService,
  type FileRegistry,
  fromBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { DESCRIPTORS } from "./descriptor.ts";

/** Reads the compiled .proto files of the package. */
export const readSchema = (): FileRegistry =>
  createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS, "base64")));

/** @throws TypeError without this service in the .proto files */
export function serviceOf(schema: FileRegistry, name: string): DescService {
  const service = schema.getService(name);
  if (service === undefined) throw new TypeError(`${name}: no such service in proto/`);
  return service;
}

/** @throws TypeError without this message in the .proto files */
export function messageOf(schema: FileRegistry, name: string): DescMessage {
  const message = schema.getMessage(name);
  if (message === undefined) throw new TypeError(`${name}: no such message in proto/`);
  return message;
}

/** Services of the server. */
export const SERVICE = {
  tidings: "tidings.v1.Tidings",
  health: "grpc.health.v1.Health",
  reflection: "grpc.reflection.v1.ServerReflection",
  olderReflection: "grpc.reflection.v1alpha.ServerReflection",
} as const;
