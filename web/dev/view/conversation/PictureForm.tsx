import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { isPictureUrl } from "../../model/content.ts";

interface Props {
  readonly onPicture: (url: string) => void;
  readonly onDone: () => void;
}

/** Form for the URL of a picture. */
export function PictureForm({ onPicture, onDone }: Props): VNode {
  const [url, setUrl] = useState("");
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const send = (event: Event): void => {
    event.preventDefault();
    if (!isPictureUrl(url.trim())) {
      input.current?.setCustomValidity("An address that begins with http:// or https://");
      input.current?.reportValidity();
      return;
    }
    onPicture(url.trim());
    onDone();
  };
  const write = (field: HTMLInputElement): void => {
    field.setCustomValidity("");
    setUrl(field.value);
  };
  return (
    <form class="row picture-form" onSubmit={send}>
      <input
        ref={input}
        type="url"
        aria-label="Address of the picture"
        placeholder="https://… address of a picture"
        value={url}
        required
        autocomplete="off"
        onInput={({ currentTarget }) => write(currentTarget)}
        onKeyDown={({ key }) => key === "Escape" && onDone()}
      />
      <button type="submit">Send picture</button>
    </form>
  );
}
