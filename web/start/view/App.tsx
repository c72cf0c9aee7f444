import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { ApiKey, Shell } from "../../shared/shared.ts";
import { ApiReference } from "./ApiReference.tsx";
import { FirstMessage } from "./first/FirstMessage.tsx";
import { Hero } from "./Hero.tsx";
import { PageCards } from "./PageCards.tsx";

export function App(): VNode {
  const key = useMemo(() => new ApiKey(), []);
  return (
    <Shell page="start">
      <div class="start">
        <Hero />
        <PageCards />
        <FirstMessage />
        <ApiReference apiKey={key} />
      </div>
    </Shell>
  );
}
