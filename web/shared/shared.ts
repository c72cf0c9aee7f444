/** What all pages share: how they look, and small parts of them. Each page imports style/base.css itself. */
export { countOf } from "./count.ts";
export { Avatar, IconAvatar } from "./view/Avatar.tsx";
export { CopyButton } from "./view/CopyButton.tsx";
export { Icon, type IconName, Logo } from "./view/Icon.tsx";
export { Label } from "./view/Label.tsx";
export { useMedia } from "./view/useMedia.ts";
export { usePerFrame } from "./view/usePerFrame.ts";
export { type StickyScroll, useStickyScroll } from "./view/useStickyScroll.ts";
export { type ListWindow, useWindow } from "./view/useWindow.ts";
