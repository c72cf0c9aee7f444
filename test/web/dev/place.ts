import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import type { HubOptions } from "../../../src/index.ts";
import { type RunningHub, startHub } from "../../support/hub.ts";
import { launchBrowser, openTab, SCALE } from "../browser.ts";
import { buildPage } from "../build.ts";
import { Person } from "./person.ts";

let launched: Browser | undefined;

beforeAll(async () => {
  await buildPage();
  launched = await launchBrowser();
});

afterAll(() => launched?.close());

/** The browser of this test file. */
export function browser(): Browser {
  if (launched === undefined) throw new Error("the browser is launched before the first test");
  return launched;
}

export const DESKTOP: BrowserContextOptions = {
  viewport: { width: 1280, height: 800 },
  deviceScaleFactor: SCALE,
};

export const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: SCALE,
  isMobile: true,
  hasTouch: true,
};

export const SIZES: readonly (readonly [string, BrowserContextOptions])[] = [
  ["desktop", DESKTOP],
  ["phone", PHONE],
];

/** Long timeout, for a machine that runs other tests as well. */
export const until = { timeout: 150_000, interval: 50 };

export interface Place {
  readonly running: RunningHub;
  /** Opens the page in a new browser profile. The hash selects the user and the conversation. */
  enter(hash: string): Promise<Person>;
  /** Opens the page in a further tab of a person's browser profile. */
  enterBeside(person: Person, hash: string): Promise<Person>;
}

/** What a browser says of a WebSocket that a test without a network could not open. */
const NO_NETWORK = /ERR_INTERNET_DISCONNECTED/;

/** Starts a hub whose page opens at one size. Errors in a tab's console fail the test. */
export async function place(size: BrowserContextOptions, options: HubOptions = {}): Promise<Place> {
  const running = await startHub({
    node: { id: "harbour-1" },
    presence: { graceMs: 200 },
    publish: { ackTimeoutMs: 60_000 },
    ...options,
    // A page that draws thousands of messages on a busy machine reads nothing for a while.
    websocket: { writeTimeoutMs: 150_000, ...options.websocket },
  });
  const settle = async (person: Person): Promise<Person> => {
    onTestFinished(() => expect(person.complaints.filter((each) => !NO_NETWORK.test(each))).toEqual([]));
    await person.isOnline();
    return person;
  };
  const url = `${running.at.url}/dev`;
  return {
    running,
    enter: async (hash) => settle(new Person(await openTab(browser(), `${url}${hash}`, size))),
    async enterBeside(person, hash) {
      const page = await person.page.context().newPage();
      await page.goto(`${url}${hash}`);
      return settle(new Person({ page, complaints: [] }));
    },
  };
}

/** Returns the elements that overflow the screen, or their box, on the right. */
export function overflow({ page }: Pick<Person, "page">): Promise<string[]> {
  return page.evaluate(() => {
    const edge = document.documentElement.clientWidth;
    const isWide = ({ scrollWidth, clientWidth }: Element) => scrollWidth > clientWidth + 1;
    const scrollers = [
      document.documentElement,
      ...document.querySelectorAll(".sidebar, .pane, .scroll, .card, .members, .frames, .frame-list"),
    ];
    const beyond = [...document.querySelectorAll("body *")].filter(
      (element) =>
        element.getBoundingClientRect().right > edge + 1 && element.closest("bdi, .frame-table") === null,
    );
    return [...scrollers.filter(isWide), ...beyond].map((element) => element.outerHTML.slice(0, 120));
  });
}
