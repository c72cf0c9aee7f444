import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
import { countOf } from "../../../shared/shared.ts";
import { time, words } from "../../model/format.ts";
import { linkTo } from "../../model/place.ts";
import { EVENT_KINDS, type EventKind, type NumberedEvent, type Tail } from "../../model/tail.ts";
import { useHub } from "../context.ts";
import { ChannelLink, NodeLink, UserLink } from "../parts/Names.tsx";
import { Silent } from "../parts/Outcome.tsx";
import { Search } from "../parts/Search.tsx";
import { Table } from "../parts/Table.tsx";

/** What happens in the cluster, as it happens. */
export function EventsView(): VNode {
  const { tail } = useHub();
  useEffect(() => {
    tail.isShown.value = true;
    return () => {
      tail.isShown.value = false;
    };
  }, [tail]);
  const isPaused = tail.isPaused.value;
  const silent = tail.silent.value;
  return (
    <>
      <h1>Events</h1>
      <Filters tail={tail} />
      <div class="row wrap-row">
        <button
          type="button"
          class="small"
          aria-pressed={isPaused}
          onClick={() => {
            tail.isPaused.value = !isPaused;
          }}
        >
          Pause
        </button>
        <button type="button" class="small" onClick={() => tail.clear()}>
          Clear
        </button>
        <span class="muted" role="status">
          {tail.omitted.value > 0 &&
            `${countOf(tail.omitted.value, "event")} came too fast and are not shown`}
        </span>
      </div>
      <Silent nodes={silent} missing="events" />
      <Table
        label="Events"
        empty={isPaused ? "Paused." : "Nothing has happened since you opened this view."}
        rows={tail.events.value}
        keyOf={({ number }) => String(number)}
        columns={[
          { title: "Time", cell: ({ at }) => time(at) },
          { title: "What", cell: ({ kind }) => <span class={`state ${TONES[kind] ?? "off"}`}>{kind}</span> },
          { title: "User", cell: ({ user }) => (user === undefined ? "–" : <UserLink user={user} />) },
          {
            title: "Channel",
            cell: ({ channel }) => (channel === undefined ? "–" : <ChannelLink channel={channel} />),
          },
          { title: "Details", cell: (event) => <Details event={event} /> },
          { title: "Node", cell: ({ node }) => <NodeLink node={node} /> },
        ]}
      />
    </>
  );
}

const TONES: Readonly<Record<string, string>> = {
  connect: "good",
  refused: "bad",
  drop: "bad",
  limited: "busy",
};

function Filters({ tail }: { readonly tail: Tail }): VNode {
  const { kinds, text } = tail.filter.value;
  const toggle = (kind: EventKind): void => {
    const others = kinds.filter((each) => each !== kind);
    tail.filter.value = { kinds: kinds.includes(kind) ? others : [...kinds, kind], text };
  };
  return (
    <>
      <Search
        label="Only events with"
        hint="A part of a user, channel, connection, address or code."
        onSearch={(searched) => {
          if (searched !== text) tail.filter.value = { kinds, text: searched };
        }}
      />
      <fieldset class="row wrap-row kinds">
        <legend class="unseen">Kinds of events</legend>
        {(Object.keys(EVENT_KINDS) as EventKind[]).map((kind) => (
          <button
            key={kind}
            type="button"
            class="small"
            aria-pressed={kinds.includes(kind)}
            onClick={() => toggle(kind)}
          >
            {EVENT_KINDS[kind]}
          </button>
        ))}
      </fieldset>
    </>
  );
}

function Details({ event }: { readonly event: NumberedEvent }): VNode {
  const { code, detail, platform, address, message, count: counted, kind } = event;
  const parts = [code && words(code), detail, platform, address].filter((part) => part);
  if (counted !== undefined)
    parts.push(kind === "drop" ? countOf(counted, "message") : countOf(counted, "connection"));
  return (
    <span class="wrap">
      <bdi>{parts.join(" · ")}</bdi>{" "}
      {message !== undefined && <a href={linkTo("why", undefined, { message })}>Why?</a>}
    </span>
  );
}
