import type { Credential } from "./credential.ts";

export type SnippetName = "sdk" | "browser" | "node" | "curl";

export interface Snippet {
  readonly text: string;
  /** What it does, and where it runs. */
  readonly about: string;
}

export interface SnippetOptions {
  /** Address of the WebSocket. */
  readonly socket: URL;
  /** Address at which a message is sent. */
  readonly send: URL;
  readonly credential: Credential;
  /** True: the HTTP API needs a key. */
  readonly needsKey: boolean;
}

/** Snippets to copy: three that listen as a user, and one that sends to alice. */
export function snippets({
  socket,
  send,
  credential,
  needsKey,
}: SnippetOptions): Record<SnippetName, Snippet> {
  const isSecret = "placeholder" in credential;
  return {
    sdk: {
      about:
        "In a browser or in Node, with the package tidings. It reconnects, catches up and acknowledges by itself.",
      text: sdkText(socket, credential),
    },
    browser: {
      about: isSecret
        ? "Without the SDK. Put the user's token in."
        : "Without the SDK. Paste it into the console of this page: it runs as it is.",
      text: `const socket = new WebSocket("${withCredential(socket, credential, "web")}");
socket.onmessage = ({ data }) => console.log(data);
socket.onopen = () => socket.send(JSON.stringify({ type: "chat", to: "alice", data: { text: "Hello" } }));`,
    },
    node: {
      about: "In a terminal, with Node 22 or later. Nothing needs to be installed.",
      text: `node -e 'new WebSocket("${withCredential(socket, credential, "node")}").onmessage = ({ data }) => console.log(data)'`,
    },
    curl: {
      about: `Sends to alice from a terminal, as your backend does${needsKey ? ", with an API key" : ""}. She gets it on all devices, later when she is away.`,
      text: [
        `curl ${send}`,
        ...(needsKey ? [`-H "x-api-key: $API_KEY"`] : []),
        "-H 'content-type: application/json'",
        `-d '{"to":"alice","type":"chat","data":{"text":"Hello from curl"}}'`,
      ].join(" \\\n  "),
    },
  };
}

function sdkText(socket: URL, credential: Credential): string {
  const login =
    "token" in credential
      ? `token: "${credential.token}"`
      : "user" in credential
        ? `user: "${credential.user}"`
        : `token: async () => (await fetch("/token", { method: "POST" })).text()`;
  return `import { connect } from "tidings/client";

const client = connect("${socket}", {
  ${login},
});
client.on("chat", ({ from, data }) => console.log(from, data.text));
await client.send({ type: "chat", to: "alice", data: { text: "Hello" } });`;
}

/** Address of the WebSocket with the login in its query, as a client without the SDK sends it. */
function withCredential(socket: URL, credential: Credential, platform: string): string {
  const login =
    "user" in credential
      ? { user_id: credential.user }
      : { token: "token" in credential ? credential.token : "TOKEN" };
  return `${socket}?${new URLSearchParams(Object.entries({ ...login, platform }))}`;
}
