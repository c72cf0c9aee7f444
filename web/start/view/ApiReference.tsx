import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type ApiKey, hasTrait, Notice } from "../../shared/shared.ts";
import { KeyForm } from "./KeyForm.tsx";
import { type Loaded, loadReference } from "./load-reference.ts";

/** Distance from the screen at which the reference is loaded. */
const NEAR = "600px";

/** The API reference. It is loaded when it comes near, and outside development mode once there is a key. */
export function ApiReference({ apiKey }: { readonly apiKey: ApiKey }): VNode {
  const section = useRef<HTMLElement>(null);
  const isNear = useNear(section);
  const key = apiKey.value.value;
  const isAllowed = hasTrait("development") || key !== undefined;
  const [loaded, setLoaded] = useState<Loaded>();
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (!isNear || !isAllowed) return;
    let isCurrent = true;
    setLoaded(undefined);
    void loadReference(key).then((result) => {
      if (isCurrent) setLoaded(result);
    });
    return () => {
      isCurrent = false;
    };
  }, [isNear, isAllowed, key, attempt]);
  return (
    <section class="api" id="api" aria-labelledby="api-title" ref={section}>
      <h2 id="api-title">HTTP API</h2>
      <p class="lead">
        Backends in any language send, read and administrate over HTTP. Generators of clients take{" "}
        <code>/openapi.json</code>.
      </p>
      {!isAllowed && <KeyForm onKey={(entered) => apiKey.enter(entered)} />}
      {isAllowed && loaded === undefined && <p class="muted">Loading…</p>}
      {isAllowed && loaded?.is === "refused" && (
        <KeyForm error={loaded.message} onKey={(entered) => apiKey.enter(entered)} />
      )}
      {isAllowed && loaded?.is === "failed" && (
        <Notice tone="bad">
          {loaded.message}{" "}
          <button type="button" class="small" onClick={() => setAttempt(attempt + 1)}>
            Try again
          </button>
        </Notice>
      )}
      {isAllowed && loaded?.is === "ready" && (
        <>
          {key !== undefined && (
            <p class="row">
              <span class="muted">With the API key of this tab.</span>
              <button type="button" class="small" onClick={() => apiKey.forget()}>
                Forget the key
              </button>
            </p>
          )}
          <loaded.Reference document={loaded.document} />
        </>
      )}
    </section>
  );
}

const isNamed = (): boolean => location.hash.startsWith("#api");

/** Tells whether an element has been near the screen, or the address names something in it. */
function useNear(element: { readonly current: HTMLElement | null }): boolean {
  const [isNear, setNear] = useState(isNamed);
  useEffect(() => {
    const moved = (): void => setNear((wasNear) => wasNear || isNamed());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  useEffect(() => {
    if (isNear || element.current === null) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && setNear(true), {
      rootMargin: NEAR,
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [isNear, element]);
  return isNear;
}
