"use client";

import { type FormEvent, useEffect, useState } from "react";
import { type Client, connect, TidingsError } from "tidings/client";
import { createHooks } from "tidings/react";
import type { Events } from "../events.ts";

const { TidingsProvider, useMessages, useRoom, useSend, useStatus } = createHooks<Events>();

export function Chat() {
  // In the browser only: the server renders without a client.
  const [client, setClient] = useState<Client<Events> | null>(null);

  useEffect(() => {
    const opened = connect<Events>("/ws", { token });
    setClient(opened);
    return () => {
      setClient(null);
      void opened.close();
    };
  }, []);

  return (
    <TidingsProvider client={client}>
      <Login />
      <Lobby />
    </TidingsProvider>
  );
}

function Login() {
  const { state, user, error } = useStatus();
  return (
    <header>
      <p>{error ? error.message : state === "open" ? `open as ${user}` : state}</p>
      <form onSubmit={(event) => void login(fieldOf(event, "user"))}>
        <input name="user" placeholder="user" /> <button type="submit">Log in</button>
      </form>
    </header>
  );
}

function Lobby() {
  const { messages, hasOlder, loadOlder } = useMessages("group:lobby", { types: ["chat"], join: true });
  const { members } = useRoom("lobby", { join: true });
  const { send, sent, retry } = useSend();
  // What has a receipt is in the list of messages.
  const pending = sent.filter(({ receipt }) => receipt === undefined);

  return (
    <main>
      <p>Here: {[...members.keys()].join(", ")}</p>
      {hasOlder && (
        <button type="button" onClick={loadOlder}>
          Older messages
        </button>
      )}
      <ul>
        {messages.map(({ id, from, data }) => (
          <li key={id}>
            {from}: {data.text}
          </li>
        ))}
        {pending.map(({ key, message, state }) => (
          <li key={key}>
            {message.data.text} ({state}){" "}
            {state === "failed" && (
              <button type="button" onClick={() => retry(key)}>
                Again
              </button>
            )}
          </li>
        ))}
      </ul>
      <form
        onSubmit={(event) => {
          const text = fieldOf(event, "text");
          void send({ type: "chat", group: "lobby", data: { text } });
        }}
      >
        <input name="text" placeholder="message" /> <button type="submit">Send</button>
      </form>
    </main>
  );
}

/** What was written into a field of a form, which is empty afterwards. */
function fieldOf(event: FormEvent<HTMLFormElement>, name: string): string {
  event.preventDefault();
  const text = String(new FormData(event.currentTarget).get(name));
  event.currentTarget.reset();
  return text;
}

async function token(): Promise<string> {
  const response = await fetch("/api/token", { method: "POST" });
  if (response.status === 401) throw new TidingsError("unauthorized", "logged out");
  return response.text();
}

async function login(user: string): Promise<void> {
  const headers = { "content-type": "application/json" };
  await fetch("/api/login", { method: "POST", headers, body: JSON.stringify({ user }) });
  location.reload();
}
