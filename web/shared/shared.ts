/** What all pages share: how they look, and small parts of them. Each page imports style/base.css itself. */

export { ApiKey } from "./api-key.ts";
export { countOf } from "./count.ts";
export { useMedia } from "./hooks/useMedia.ts";
export { usePerFrame } from "./hooks/usePerFrame.ts";
export { type StickyScroll, useStickyScroll } from "./hooks/useStickyScroll.ts";
export { type ListWindow, useWindow } from "./hooks/useWindow.ts";
export { apiPath, hasPage, hasTrait, hubUrl, type PageName, pageAddress, socketUrl } from "./hub.ts";
export { News, type NewsItem } from "./news.ts";
export { Reachability } from "./reachability.ts";
export { renderPage } from "./render-page.ts";
export { sentence } from "./sentence.ts";
export { StoredList } from "./stored-list.ts";
export { Avatar, IconAvatar } from "./view/Avatar.tsx";
export { CodeBlock } from "./view/CodeBlock.tsx";
export { CopyButton } from "./view/CopyButton.tsx";
export { Dialog } from "./view/Dialog.tsx";
export { Field } from "./view/Field.tsx";
export { Icon, type IconName, Logo } from "./view/Icon.tsx";
export { Label } from "./view/Label.tsx";
export { Notice, type Tone } from "./view/Notice.tsx";
export { SchemeSwitch } from "./view/SchemeSwitch.tsx";
export { Shell } from "./view/Shell.tsx";
export { Tabs } from "./view/Tabs.tsx";
