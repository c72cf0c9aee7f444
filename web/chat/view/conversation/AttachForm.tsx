import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Field } from "../../../shared/shared.ts";
import { isSendableUrl, MEDIA, MEDIA_NAMES, type Media, type MediaKind } from "../../model/content.ts";

interface Props {
  readonly onAttach: (media: Media) => void;
  readonly onClose: () => void;
}

/** Form for the address of a picture, a voice message or a video. The file stays where it is; receivers load it from there. */
export function AttachForm({ onAttach, onClose }: Props): VNode {
  const [kind, setKind] = useState<MediaKind>("picture");
  const [url, setUrl] = useState("");
  const [isBad, setBad] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLInputElement>("input[inputmode]")?.focus(), []);
  const submit = (event: Event): void => {
    event.preventDefault();
    const address = url.trim();
    if (isSendableUrl(address)) onAttach({ kind, url: address });
    else setBad(true);
  };
  const write = (value: string): void => {
    setUrl(value);
    setBad(false);
  };
  return (
    <form ref={form} class="attach" aria-label="Send a file by its address" onSubmit={submit}>
      <div class="kinds" role="radiogroup" aria-label="Kind of file">
        {MEDIA.map((each) => (
          <label key={each} class="check">
            <input type="radio" name="kind" checked={kind === each} onChange={() => setKind(each)} />
            {MEDIA_NAMES[each]}
          </label>
        ))}
      </div>
      <div class="row">
        <div class="grow">
          <Field
            label={`Address of the ${MEDIA_NAMES[kind].toLowerCase()}`}
            value={url}
            onValue={write}
            inputMode="url"
            autocomplete="off"
            placeholder="https://…"
            error={isBad ? "Expected an address that begins with https://" : undefined}
            onKeyDown={({ key }) => key === "Escape" && onClose()}
          />
        </div>
        <button type="submit">Send</button>
      </div>
    </form>
  );
}
