"use client";

import { useEffect, useRef, useState } from "react";
import { type Client, connect, type Message, TidingsError } from "tidings/client";
import type { Events } from "../events.ts";

type Said = Pick<Message<Events, "chat">, "id" | "from" | "data">;

export function Chat() {
  const [status, setStatus] = useState("connecting");
  const [said, setSaid] = useState<readonly Said[]>([]);
  const client = useRef<Client<Events> | undefined>(undefined);

  useEffect(() => {
    const opened = connect<Events>("/ws", { token });
    client.current = opened;
    opened.onStatus(({ type }) => setStatus(type));
    void enter(opened, (messages) => setSaid((before) => [...before, ...messages]));
    return () => {
      setSaid([]);
      void opened.close();
    };
  }, []);

  return (
    <main>
      <p>{status}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void login(String(new FormData(event.currentTarget).get("user")));
        }}
      >
        <input name="user" placeholder="user" /> <button type="submit">Log in</button>
      </form>
      <ul>
        {said.map(({ id, from, data }) => (
          <li key={id}>
            {from}: {data.text}
          </li>
        ))}
      </ul>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const text = String(new FormData(event.currentTarget).get("text"));
          // Such as after the end of the session. A client that only waits for its connection keeps the message.
          say(client.current, text).catch((error: Error) =>
            setStatus(`not sent: ${text} (${error.message})`),
          );
          event.currentTarget.reset();
        }}
      >
        <input name="text" placeholder="message" /> <button type="submit">Send</button>
      </form>
    </main>
  );
}

/** Shows what was said before, and then what comes. */
async function enter(client: Client<Events>, add: (messages: readonly Said[]) => void): Promise<void> {
  try {
    const joined = await client.join("lobby");
    const { messages } = await client.history({ channel: "group:lobby" });
    add(messages.filter(({ offset = 0 }) => offset <= joined.offset));
    client.on("chat", (message) => add([message]));
  } catch {
    // Logged out: the status says so, and the form is there.
  }
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

async function say(client: Client<Events> | undefined, text: string): Promise<void> {
  await client?.send({ type: "chat", group: "lobby", data: { text } });
}
