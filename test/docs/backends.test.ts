import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/client/client.ts";
import { end, type Served, serve } from "../cli/run.ts";
import { run } from "../package/build.ts";
import { needs } from "../support/tools.ts";
import { readPage } from "./markdown.ts";

needs("php");

const API_KEY = "an API key of the tests, for backends";
const SECRET = "a secret of the tests, 32 bytes!";

/** Stands in for Laravel and firebase/php-jwt, with the calls that the page makes. */
const LIBRARIES = `
function config(string $name): string { return getenv(strtoupper(str_replace(".", "_", $name))); }

class JWT {
  static function encode(array $claims, string $key, string $algorithm): string {
    $part = fn(string $text): string => rtrim(strtr(base64_encode($text), "+/", "-_"), "=");
    $signed = $part(json_encode(["alg" => $algorithm, "typ" => "JWT"])) . "." . $part(json_encode($claims));
    return $signed . "." . $part(hash_hmac("sha256", $signed, $key, true));
  }
}

class Http {
  private string $answer;
  private function __construct(private string $token) {}
  static function withToken(string $token): self { return new self($token); }
  function post(string $url, array $data): self {
    $header = "Content-Type: application/json\\r\\nAuthorization: Bearer " . $this->token;
    $http = ["method" => "POST", "header" => $header, "content" => json_encode($data), "ignore_errors" => true];
    $this->answer = file_get_contents($url, false, stream_context_create(["http" => $http]));
    return $this;
  }
  function throw(): self {
    if (str_contains($this->answer, '"error"')) throw new Exception($this->answer);
    return $this;
  }
  function body(): string { return $this->answer; }
}
`;

describe("docs/FROM-PUSHER.md", () => {
  let server: Served;
  beforeAll(async () => {
    server = await serve([], { JWT_SECRET: SECRET, JWT_AUDIENCE: "my-app", API_KEY });
  });
  afterAll(() => end(server));

  const snippets = readPage("docs/FROM-PUSHER.md").blocks.filter(({ language }) => language === "php");

  /** Runs a snippet of the page in PHP. @returns what it prints */
  async function php(contains: string, before: string, after: string): Promise<string> {
    const snippet = snippets.find(({ text }) => text.includes(contains))?.text ?? "";
    const program = LIBRARIES + before + snippet.replace("http://127.0.0.1:8080", server.url) + after;
    const env = { PATH: process.env.PATH, SERVICES_TIDINGS_KEY: API_KEY, SERVICES_TIDINGS_SECRET: SECRET };
    return (await run("php", ["-r", program], { env })).stdout;
  }

  it("mints a token in PHP, and publishes from Laravel once for each key", async () => {
    const token = await php("JWT::encode", "$user = (object)['id' => 42]; $orderId = 7;", "echo $token;");
    const client = connect(server.socketUrl, { token });
    onTestFinished(() => client.close());
    const received: unknown[] = [];
    client.on("shipped", ({ group, data }) => received.push([group, data]));
    expect((await client.ready).user).toBe("42");
    await client.join("orders.7");
    await expect(client.join("orders.8")).rejects.toMatchObject({ code: "forbidden" });

    for (const duplicate of [undefined, true]) {
      const answer = await php("Http::withToken", "$response = ", "echo $response->body();");
      expect(JSON.parse(answer)).toMatchObject({ state: "delivered", ...(duplicate && { duplicate }) });
    }
    await client.request("robot.heartBeat");
    expect(received).toEqual([["orders.7", { order: 7 }]]);
  });
});
