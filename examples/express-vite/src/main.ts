import { connect, type Message, TidingsError } from "tidings/client";
import type { Events } from "../events.ts";

const user = new URLSearchParams(location.search).get("user") ?? "alice";

const client = connect<Events>("/ws", {
  token: async () => {
    const headers = { "content-type": "application/json" };
    const response = await fetch("/api/token", { method: "POST", headers, body: JSON.stringify({ user }) });
    if (response.status === 401) throw new TidingsError("unauthorized", "logged out");
    return response.text();
  },
});

const find = <Kind extends Element>(selector: string): Kind => {
  const found = document.querySelector<Kind>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
};

client.onStatus((status) => {
  find("#status").textContent = status.type === "open" ? `open as ${status.welcome.user}` : status.type;
});

function show({ from, data }: Pick<Message<Events, "chat">, "from" | "data">): void {
  const item = document.createElement("li");
  item.textContent = `${from}: ${data.text}`;
  find("#messages").append(item);
}

/** Shows what was said before, and then what comes: messages after the position are kept until there is a listener. */
async function enter(): Promise<void> {
  const joined = await client.join("lobby");
  const { messages } = await client.history({ channel: "group:lobby" });
  for (const message of messages) if ((message.offset ?? 0) <= joined.offset) show(message);
  client.on("chat", show);
}

const entered = enter();

// Before anything is waited for: a browser that finds no listener loads the page anew, and what was written is lost.
find<HTMLFormElement>("#compose").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = find<HTMLFormElement>("#compose");
  const text = String(new FormData(form).get("text"));
  form.reset();
  try {
    await entered;
    await client.send({ type: "chat", group: "lobby", data: { text } });
  } catch (error) {
    // Such as after the end of the session. A client that only waits for its connection keeps the message.
    find("#status").textContent = `not sent: ${text} (${error instanceof Error ? error.message : error})`;
  }
});
