import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
import { Shell } from "../../shared/shared.ts";
import type { Hub } from "../model/hub.ts";
import { linkTo, place, SECTIONS, type Section } from "../model/place.ts";
import type { Session } from "../model/session.ts";
import { HubProvider } from "./context.ts";
import { FeedBadge } from "./FeedBadge.tsx";
import { GroupsView } from "./groups/GroupsView.tsx";
import { GroupView } from "./groups/GroupView.tsx";
import { Login } from "./Login.tsx";
import { BroadcastView } from "./messages/BroadcastView.tsx";
import { EventsView } from "./messages/EventsView.tsx";
import { WhyView } from "./messages/WhyView.tsx";
import { NodesView } from "./overview/NodesView.tsx";
import { NodeView } from "./overview/NodeView.tsx";
import { OverviewView } from "./overview/OverviewView.tsx";
import { ConfigurationView } from "./settings/ConfigurationView.tsx";
import { LimitsView } from "./settings/LimitsView.tsx";
import { UsersView } from "./users/UsersView.tsx";
import { UserView } from "./users/UserView.tsx";

export function App({ session }: { readonly session: Session }): VNode {
  const state = session.state.value;
  if (state.state !== "open") {
    return (
      <Shell page="console">
        <Login session={session} state={state} />
      </Shell>
    );
  }
  const { hub } = state;
  const tools = (
    <>
      <FeedBadge hub={hub} />
      <button type="button" class="small" onClick={() => session.close()}>
        Log out
      </button>
    </>
  );
  return (
    <HubProvider value={hub}>
      <Shell page="console" tools={tools}>
        <Sections hub={hub} />
      </Shell>
    </HubProvider>
  );
}

function Sections({ hub }: { readonly hub: Hub }): VNode {
  const { section, name } = place.value;
  useEffect(() => {
    document.title = `${name ?? SECTIONS[section]} · Console · Tidings`;
    scrollTo(0, 0);
    // On a narrow screen the sections are wider than the screen.
    document
      .querySelector(".sections [aria-current]")
      ?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [section, name]);
  const problem = hub.problem.value ?? hub.top.value?.incomplete ?? undefined;
  return (
    <div class="console">
      <nav class="sections" aria-label="Console">
        {(Object.keys(SECTIONS) as Section[]).map((each) => (
          <a key={each} href={linkTo(each)} aria-current={each === section ? "page" : undefined}>
            {SECTIONS[each]}
          </a>
        ))}
      </nav>
      <div class="view">
        {hub.refusal.value !== undefined && (
          <p class="notice bad banner" role="status">
            The server does not send what happens now, and is asked again: {hub.refusal.value}
          </p>
        )}
        {problem !== undefined && (
          <p class="notice busy banner" role="status">
            Only a part of the cluster answers: {problem}
          </p>
        )}
        <View section={section} name={name} />
      </div>
    </div>
  );
}

interface Shown {
  readonly section: Section;
  readonly name: string | undefined;
}

function View({ section, name }: Shown): VNode {
  switch (section) {
    case "overview":
      return <OverviewView />;
    case "nodes":
      return name === undefined ? <NodesView /> : <NodeView key={name} node={name} />;
    case "users":
      return name === undefined ? <UsersView /> : <UserView key={name} user={name} />;
    case "groups":
      return name === undefined ? <GroupsView /> : <GroupView key={name} group={name} />;
    case "broadcast":
      return <BroadcastView />;
    case "events":
      return <EventsView />;
    case "why":
      return <WhyView />;
    case "limits":
      return <LimitsView />;
    case "configuration":
      return <ConfigurationView />;
  }
}
