import { connectOffline } from "/offline.js";

const user = new URLSearchParams(location.search).get("user") ?? "alice";
const element = (id) => document.querySelector(`#${id}`);
element("user").textContent = user;

const client = connectOffline("/ws", {
  user,
  // Without this line one of the tabs holds the connection.
  worker: () => new SharedWorker("/worker.js", { type: "module" }),
});

/** Adds a line of text, with a button for each action. */
function addLine(list, text, actions = {}) {
  const line = document.createElement("li");
  line.append(text);
  for (const [name, act] of Object.entries(actions)) {
    const button = document.createElement("button");
    button.textContent = name;
    button.onclick = act;
    line.append(" ", button);
  }
  element(list).append(line);
}

client.on("chat", ({ from, data }) => addLine("messages", `${from}: ${data}`));
client.onStatus(({ type }) => {
  if (type === "open") element("status").textContent = `connected by ${client.sharing}`;
  if (type === "closed") element("status").textContent = "offline";
});

// Messages of all tabs and of earlier visits: those that wait, and those that the server has now.
client.outbox.subscribe(() => {
  element("waiting").replaceChildren();
  for (const { key, message, state } of client.outbox.messages) {
    const retry = { again: () => client.outbox.retry(key), remove: () => client.outbox.remove(key) };
    addLine("waiting", `to ${message.to}: ${message.data} (${state})`, state === "failed" ? retry : {});
  }
});
client.outbox.onSent(({ message, receipt }) =>
  addLine("messages", `to ${message.to}: ${message.data} (${receipt.state})`),
);

element("compose").onsubmit = (event) => {
  event.preventDefault();
  const { to, text } = event.target.elements;
  // A refusal shows in the outbox.
  client.send({ type: "chat", to: to.value, data: text.value }).catch(() => {});
  text.value = "";
};
