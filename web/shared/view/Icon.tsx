import type { VNode } from "preact";

/** Outlines on a grid of 24 × 24, stroked in the text colour. */
const PATHS = {
  back: ["M15 5l-7 7 7 7"],
  chat: ["M4 5.5h16v11H11l-4.5 4v-4H4z", "M8 9.5h8", "M8 12.5h5"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  clock: ["M12 7.5V12l3 2", "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 1 0 0-17"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  console: ["M4 5h16v14H4z", "M7.5 9.5l3 2.5-3 2.5", "M12.5 15h4"],
  contrast: ["M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 1 0 0-17", "M12 3.5v17", "M15 5v14", "M18 7v10"],
  cut: ["M9 7H7a5 5 0 0 0 0 10h2", "M15 7h2a5 5 0 0 1 4 8", "M4 4l16 16"],
  down: ["M12 5v14", "M6 13l6 6 6-6"],
  everyone: [
    "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 1 0 0-17",
    "M3.5 12h17",
    "M12 3.5c5 5.5 5 11.5 0 17-5-5.5-5-11.5 0-17",
  ],
  failed: ["M12 7.5v5.5", "M12 16.4v.1", "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 1 0 0-17"],
  frames: ["M8 4v14", "M4 14l4 4 4-4", "M16 20V6", "M12 10l4-4 4 4"],
  group: ["M9 4L7 20", "M17 4l-2 16", "M4 9h17", "M3 15h17"],
  info: ["M12 11v5.5", "M12 7.6v.1", "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 1 0 0-17"],
  key: ["M8.5 11.5a4 4 0 1 0 0 8 4 4 0 1 0 0-8", "M11.5 12.5L20 4", "M16 8l3 3"],
  members: [
    "M9 5a3.2 3.2 0 1 0 0 6.4A3.2 3.2 0 1 0 9 5",
    "M3 19c.6-3.4 3-5 6-5s5.4 1.6 6 5",
    "M16 5.5a3 3 0 0 1 0 5.5",
    "M17.5 14.2c2 .7 3.2 2.3 3.5 4.8",
  ],
  moon: ["M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z"],
  more: ["M5.5 12v.1", "M12 12v.1", "M18.5 12v.1"],
  picture: ["M4 5h16v14H4z", "M4 16l5-5 4 4 3-3 4 4", "M15.5 9v.1"],
  plus: ["M12 5v14", "M5 12h14"],
  received: ["M2 12.5l4.5 4.5L16 7.5", "M11.5 16l1 1L22 7.5"],
  search: ["M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 1 0 0-13", "M15.5 15.5L20 20"],
  send: ["M5 12h14", "M13 6l6 6-6 6"],
  server: ["M4 4.5h16v6H4z", "M4 13.5h16v6H4z", "M7.5 7.5v.1", "M7.5 16.5v.1"],
  sun: [
    "M12 8a4 4 0 1 0 0 8 4 4 0 1 0 0-8",
    "M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  ],
} satisfies Record<string, readonly string[]>;

export type IconName = keyof typeof PATHS;

/** A decorative icon. The text beside it, or the label of its button, has the meaning. */
export function Icon({ name }: { name: IconName }): VNode {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      {PATHS[name].map((path) => (
        <path key={path} d={path} />
      ))}
    </svg>
  );
}

/** The drawing of icon.svg. */
export function Logo(): VNode {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="9" />
      <path d="M7 13.5c3-4 6-4 9 0s6 4 9 0" />
      <path d="M7 20c3-4 6-4 9 0s6 4 9 0" class="faint" />
    </svg>
  );
}
