/** A component of Vue that shows a group, and says hello to it. */
import type { Client } from "tidings/client";
import { messagesStore, sendingStore, statusStore } from "tidings/stores";
import { defineComponent, h, type PropType } from "vue";
import { useStore } from "./use-store.ts";

interface Events {
  chat: { text: string };
}

export const Lobby = defineComponent({
  props: { client: { type: Object as PropType<Client<Events>>, required: true } },
  setup({ client }) {
    const status = useStore(statusStore(client));
    const list = useStore(messagesStore(client, "group:lobby", { types: ["chat"], join: true }));
    const { send } = sendingStore(client);
    const hello = (): void => void send({ type: "chat", group: "lobby", data: { text: "Hello" } });
    return () =>
      h("main", [
        h("p", status.value.state),
        h(
          "ul",
          list.value.messages.map(({ id, from, data }) => h("li", { key: id }, `${from}: ${data.text}`)),
        ),
        h("button", { onClick: hello }, "Say hello"),
      ]);
  },
});
