import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { apiPath, CodeBlock, hasTrait, hubUrl, socketUrl, Tabs } from "../../../shared/shared.ts";
import { type Credential, credentialOf } from "../../model/credential.ts";
import { type SnippetName, snippets } from "../../model/snippets.ts";
import { Listener } from "./Listener.tsx";

const TITLES: Record<SnippetName, string> = { sdk: "SDK", browser: "Browser", node: "Node", curl: "curl" };

/** Snippets that connect a client to this hub and send to it, and a place where a message arrives. */
export function FirstMessage(): VNode {
  const [selected, select] = useState<SnippetName>("sdk");
  const credential = useCredential();
  const { text, about } = snippets({
    socket: socketUrl(),
    send: sendUrl(),
    credential,
    needsKey: !hasTrait("open"),
  })[selected];
  return (
    <section class="first" aria-labelledby="first-title">
      <h2 id="first-title">Your first message</h2>
      <div class="first-columns">
        <div class="snippets">
          <Tabs label="Ways to connect" titles={TITLES} selected={selected} onSelect={select} />
          <div role="tabpanel" id={`panel-${selected}`} aria-labelledby={`tab-${selected}`}>
            <p class="hint">{about}</p>
            <CodeBlock text={text} copies="the snippet" />
          </div>
        </div>
        {hasTrait("development") ? <Listener credential={credential} /> : <ForServers />}
      </div>
    </section>
  );
}

/** Tokens outside development mode come from the application's server. */
function ForServers(): VNode {
  return (
    <div class="card aside-card">
      <h3>Where tokens come from</h3>
      <p>
        Your server makes one for each user, signed with the secret of the hub: with a library for JSON Web
        Tokens, by <code>POST /tokens</code> with an API key, or on the command line:
      </p>
      <CodeBlock text="npx tidings token alice" copies="the command" />
    </div>
  );
}

/** Who the snippets log in as. Until the token is there, they name the user, which development mode believes. */
function useCredential(): Credential {
  const [credential, setCredential] = useState<Credential>(() =>
    hasTrait("development") ? { user: "alice" } : { placeholder: true },
  );
  useEffect(() => {
    if (hasTrait("tokens")) void credentialOf("alice", hubUrl("/tokens")).then(setCredential);
  }, []);
  return credential;
}

const sendUrl = (): URL => hubUrl(`${apiPath()}/message`);
