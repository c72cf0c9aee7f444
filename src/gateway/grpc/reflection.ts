import {
  create,
  type DescFile,
  type DescMethod,
  type FileRegistry,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";

/** Request of a client, as the .proto of the reflection service says. */
interface ReflectionRequest extends Message {
  readonly host: string;
  readonly messageRequest: { readonly case: string | undefined; readonly value: string };
}

/** Tells tools such as grpcurl the services and messages of the server. The same code serves both versions of the service. */
export class Reflection {
  readonly #schema: FileRegistry;
  readonly #services: readonly string[];

  /** @param services names of the services */
  constructor(schema: FileRegistry, services: readonly string[]) {
    this.#schema = schema;
    this.#services = services;
  }

  /** Answers each request of the stream. */
  async *answer({ output }: DescMethod, requests: AsyncIterable<Message>): AsyncGenerator<Message> {
    for await (const request of requests) {
      const { host: validHost, messageRequest } = request as ReflectionRequest;
      const messageResponse = this.#find(messageRequest);
      yield create(output, { validHost, originalRequest: request, messageResponse } as Record<
        string,
        unknown
      >);
    }
  }

  #find({ case: kind, value }: ReflectionRequest["messageRequest"]): object {
    if (kind === "listServices")
      return {
        case: "listServicesResponse",
        value: { service: this.#services.map((name) => ({ name })) },
      };
    if (kind === "fileByFilename") return found(this.#schema.getFile(value), value);
    if (kind === "fileContainingSymbol") return found(this.#fileOf(value), value);
    return failed(Code.Unimplemented, "the server has no extensions");
  }

  /** Finds the file of a service, a message, or a method, which is named behind its service. */
  #fileOf(symbol: string): DescFile | undefined {
    const parent = symbol.slice(0, symbol.lastIndexOf("."));
    return (this.#schema.get(symbol) ?? this.#schema.getService(parent))?.file;
  }
}

/** The file with all that it imports. */
function found(file: DescFile | undefined, name: string): object {
  if (file === undefined) return failed(Code.NotFound, `not found: ${name}`);
  const fileDescriptorProto = [file, ...file.dependencies].map(({ proto }) =>
    toBinary(FileDescriptorProtoSchema, proto),
  );
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

const failed = (errorCode: Code, errorMessage: string): object => ({
  case: "errorResponse",
  value: { errorCode, errorMessage },
});
