import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { countOf } from "../../../shared/shared.ts";
import { type Content, MEDIA_NAMES, type Media } from "../../model/content.ts";

/** What a user has written. All of it is text; only the address of a file is loaded. */
export function ContentView({ content, sender }: { content: Content; sender: string }): VNode {
  if (content.kind === "deleted") return <p class="bubble gone">This message was deleted</p>;
  if (content.kind === "other") return <p class="bubble gone">A message of the type {content.type}</p>;
  const { text, cut, media } = content;
  return (
    <>
      {media && <MediaView media={media} sender={sender} />}
      {text !== undefined && (
        <p class="bubble" dir="auto">
          {linked(text)}
        </p>
      )}
      {cut !== undefined && <p class="cut">{countOf(cut, "more character")} not shown</p>}
    </>
  );
}

/** A file by its address. Its server sees the request, but no referrer. */
function MediaView({ media: { kind, url }, sender }: { media: Media; sender: string }): VNode {
  const [hasFailed, setFailed] = useState(false);
  const label = `${MEDIA_NAMES[kind]} from ${sender}`;
  if (hasFailed)
    return (
      <p class="bubble">
        <span class="type">{MEDIA_NAMES[kind]}: it could not be loaded</span>
        <Link url={url} />
      </p>
    );
  const failed = (): void => setFailed(true);
  if (kind === "voice")
    // biome-ignore lint/a11y/useMediaCaption: users send files without captions
    return <audio class="voice" controls preload="none" src={url} aria-label={label} onError={failed} />;
  if (kind === "video")
    return (
      // biome-ignore lint/a11y/useMediaCaption: users send files without captions
      <video
        class="video"
        controls
        playsInline
        preload="none"
        src={url}
        aria-label={label}
        onError={failed}
      />
    );
  return (
    <a class="picture" href={url} target="_blank" rel="noopener noreferrer" title={url}>
      <img
        src={url}
        alt={label}
        loading="lazy"
        decoding="async"
        referrerpolicy="no-referrer"
        onError={failed}
      />
    </a>
  );
}

/** Addresses in a text. Those at its end have no full stop, comma or bracket. */
const ADDRESS = /(https?:\/\/[^\s<>"]+[^\s<>".,:;!?)\]}'])/;

/** A text whose addresses are links. */
const linked = (text: string): (string | VNode)[] =>
  text.split(ADDRESS).map((part, index) => (index % 2 === 1 ? <Link key={index} url={part} /> : part));

const Link = ({ url }: { url: string }): VNode => (
  <a href={url} target="_blank" rel="noopener noreferrer">
    {url}
  </a>
);
