import type { Locator, Page } from "playwright-core";
import type { Tab } from "../browser.ts";

/** A user of the chat page, who finds elements by their text and role, as people and screen readers do. */
export class Person {
  readonly page: Page;
  readonly complaints: string[];

  constructor({ page, complaints }: Tab) {
    this.page = page;
    this.complaints = complaints;
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole("button", { name, exact: typeof name === "string" });
  }

  /** Finds an item of the list of conversations. */
  item(name: string): Locator {
    const list = this.page.getByRole("navigation", { name: "Conversations", includeHidden: true });
    return list
      .getByRole("link", { includeHidden: true })
      .filter({ has: this.page.getByTitle(name, { exact: true }) });
  }

  /** The conversations with unread messages, as `name: number`. */
  async unread(): Promise<string[]> {
    const list = this.page.getByRole("navigation", { name: "Conversations", includeHidden: true });
    const items = list.locator("a").filter({ has: this.page.locator(".unread") });
    return items.evaluateAll((all) =>
      all.map(
        (each) =>
          `${each.querySelector(".name")?.textContent}: ${each.querySelector(".unread")?.firstChild?.textContent}`,
      ),
    );
  }

  /** Messages of the open conversation. */
  get messages(): Locator {
    return this.page.getByRole("log").getByRole("article");
  }

  message(text: string): Locator {
    return this.messages.filter({ has: this.page.getByText(text, { exact: true }) });
  }

  texts(): Promise<string[]> {
    return this.messages.locator(".bubble").allTextContents();
  }

  /** Resolves when the text is visible. */
  reads(text: string | RegExp): Promise<void> {
    return this.page.getByText(text).filter({ visible: true }).first().waitFor();
  }

  get composer(): Locator {
    return this.page.getByPlaceholder("Write a message");
  }

  async say(...texts: string[]): Promise<void> {
    for (const text of texts) {
      await this.composer.fill(text);
      await this.composer.press("Enter");
    }
  }

  /** Opens a conversation of the list. */
  async open(name: string): Promise<void> {
    await this.toList("Chats");
    await this.item(name).click();
    await this.page.getByRole("heading", { name, level: 2 }).waitFor();
  }

  /** Opens the conversation with somebody who is online. */
  async writeTo(name: string): Promise<void> {
    await this.toList("People");
    await this.page
      .getByRole("button", { name: `Write to ${name}` })
      .or(this.page.getByTitle(`Write to ${name}`))
      .first()
      .click();
    await this.composer.waitFor();
  }

  /** Goes to one of the lists, which a narrow screen hides while a conversation is open. */
  async toList(tab: "Chats" | "People"): Promise<void> {
    const back = this.button("All conversations");
    if (await back.isVisible()) await back.click();
    await this.page.getByRole("tab", { name: tab }).click();
  }

  async isOnline(): Promise<void> {
    await this.page
      .getByRole("tablist", { name: "Lists", includeHidden: true })
      .waitFor({ state: "attached" });
    await this.page.locator(".me .dot.good").waitFor({ state: "attached" });
  }

  /** Chooses an action of a message. */
  async choose(text: string, action: "Edit" | "Delete"): Promise<void> {
    const message = this.message(text);
    await message.hover();
    await message.getByRole("button", { name: "Actions for this message" }).click();
    await message.getByRole("button", { name: action }).click();
  }
}
