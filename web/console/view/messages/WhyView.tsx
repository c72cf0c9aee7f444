import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Field, Notice } from "../../../shared/shared.ts";
import { time, words } from "../../model/format.ts";
import { goTo, place } from "../../model/place.ts";
import type { Explanation } from "../../model/replies.ts";
import { useHub } from "../context.ts";
import { Outcome } from "../parts/Outcome.tsx";
import { useLoaded } from "../parts/useLoaded.ts";
import { Findings, Story } from "./Explanation.tsx";

/** Asks why a message has not arrived, or where it went. */
export function WhyView(): VNode {
  const { message = "", user = "", group = "" } = place.value.query;
  const [fields, setFields] = useState({ message, user, group });
  useEffect(() => setFields({ message, user, group }), [message, user, group]);
  const set = (name: keyof typeof fields) => (value: string) => setFields({ ...fields, [name]: value });
  const submit = (event: Event): void => {
    event.preventDefault();
    const given = Object.entries(fields).filter(([, value]) => value.trim() !== "");
    goTo("why", undefined, Object.fromEntries(given));
  };
  return (
    <>
      <h1>Why</h1>
      <p class="muted">Why a message did not come to a user, or where it went.</p>
      <form class="form asked" onSubmit={submit}>
        <Field label="Message id" value={fields.message} onValue={set("message")} autocomplete="off" />
        <Field label="User" value={fields.user} onValue={set("user")} autocomplete="off" />
        <Field label="Group" value={fields.group} onValue={set("group")} autocomplete="off" />
        <button type="submit" class="primary" disabled={fields.message === "" && fields.user === ""}>
          Ask
        </button>
      </form>
      {(message !== "" || user !== "") && <Answer key={JSON.stringify(place.value.query)} />}
    </>
  );
}

function Answer(): VNode {
  const { api } = useHub();
  const { message, user, group } = place.value.query;
  const loaded = useLoaded(
    (signal) => api.get<Explanation>("/why", { message, user, group }, signal),
    [message, user, group],
  );
  return (
    <Outcome of={loaded}>
      {({ findings, message: story, nodes }) => (
        <>
          <Findings findings={findings} />
          {story !== undefined && <Story story={story} />}
          {nodes
            .filter(({ error, recording }) => error !== undefined || recording === false)
            .map(({ node, error }) => (
              <Notice key={node} tone="busy">
                {node}: {error ?? "has no flight recorder, and remembers nothing"}
              </Notice>
            ))}
          <p class="muted">
            {nodes.some(({ since }) => since !== undefined) &&
              `Remembered since ${time(Math.max(...nodes.flatMap(({ since }) => since ?? [])))}, on ${nodes
                .map(({ node }) => words(node))
                .join(", ")}.`}
          </p>
        </>
      )}
    </Outcome>
  );
}
