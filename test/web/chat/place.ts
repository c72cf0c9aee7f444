import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import { type ChatOptions, chatDevelopmentAuth, createChat } from "../../../src/chat/chat.ts";
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

/** Long timeout, for a machine that runs other tests as well. */
export const until = { timeout: 150_000, interval: 50 };

export const PASSWORD = "correct horse";

/** What a browser says of a connection that a test has cut. */
const NO_NETWORK = /ERR_(CONNECTION|EMPTY|INTERNET|NETWORK|SOCKET)|WebSocket connection to/;

/** A hub with a chat in development mode, whose page people visit. */
export interface Place {
  readonly running: RunningHub;
  /** Opens the page in a new browser profile, without a login. */
  visit(options?: BrowserContextOptions): Promise<Person>;
  /** Registers a user, and opens the page as this user in a new browser profile. */
  enter(user: string, options?: EnterOptions): Promise<Person>;
  /** Opens the page in a further tab of a person's browser profile. */
  enterBeside(person: Person): Promise<Person>;
  /** Calls an operation as a user. */
  ask(user: string, operation: string, body?: object): Promise<Record<string, unknown>>;
}

export interface EnterOptions extends BrowserContextOptions {
  /** Address to reach the hub by. @default its own */
  readonly at?: string;
}

/** Starts a place. Errors in a tab's console fail the test. */
export async function place(chat: Omit<ChatOptions, "hub" | "database"> = {}): Promise<Place> {
  const running = await startHub({ auth: chatDevelopmentAuth(), presence: { graceMs: 200 } });
  const made = createChat({ hub: running.hub, database: "sqlite::memory:", ...chat });
  onTestFinished(() => made.close());
  await made.ready;
  const { url } = running.at;
  const settle = (person: Person): Person => {
    onTestFinished(() => expect(person.complaints.filter((each) => !NO_NETWORK.test(each))).toEqual([]));
    return person;
  };
  const browser = (): Browser => {
    if (launched === undefined) throw new Error("the browser is launched before the first test");
    return launched;
  };
  const post = async (operation: string, body: object, token?: string): Promise<Record<string, unknown>> => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await fetch(`${url}/chat/${operation}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    const reply = (await answer.json()) as Record<string, unknown>;
    if (!answer.ok) throw new Error(`${operation}: ${answer.status} ${JSON.stringify(reply)}`);
    return reply;
  };
  return {
    running,
    visit: async (options = DESKTOP) => settle(new Person(await openTab(browser(), `${url}/chat`, options))),
    async enter(user, { at = url, ...options } = DESKTOP) {
      const login = await post("register", { user, password: PASSWORD });
      const value = JSON.stringify({ ...login, renewAt: Number(login.expiresAt) - 60_000 });
      const storageState = {
        cookies: [],
        origins: [{ origin: at, localStorage: [{ name: "tidings.chat.login", value }] }],
      };
      const person = settle(
        new Person(await openTab(browser(), `${at}/chat`, { ...DESKTOP, ...options, storageState })),
      );
      await person.isOnline();
      return person;
    },
    async enterBeside(person) {
      const page = await person.page.context().newPage();
      await page.goto(`${url}/chat`);
      const beside = settle(new Person({ page, complaints: [] }));
      await beside.isOnline();
      return beside;
    },
    ask: async (user, operation, body = {}) => post(operation, body, await running.hub.token({ user })),
  };
}

/** Returns the elements that overflow the screen, or their box, on the right. */
export function overflow({ page }: Person): Promise<string[]> {
  return page.evaluate(() => {
    const edge = document.documentElement.clientWidth;
    const scrollers = [
      document.documentElement,
      ...document.querySelectorAll(".panel-scroll, .pane, .scroll, .details"),
    ];
    const isWide = ({ scrollWidth, clientWidth }: Element) => scrollWidth > clientWidth + 1;
    const beyond = [...document.querySelectorAll("body *")].filter(
      (element) => element.getBoundingClientRect().right > edge + 1,
    );
    return [...scrollers.filter(isWide), ...beyond].map((element) => element.outerHTML.slice(0, 120));
  });
}
