import type { Locator, Page } from "playwright-core";
import type { Tab } from "../browser.ts";

/** A user of the page, who finds elements by their text and role, as people and screen readers do. */
export class Person {
  readonly page: Page;
  readonly complaints: string[];

  constructor({ page, complaints }: Tab) {
    this.page = page;
    this.complaints = complaints;
  }

  /** Finds an item of the list of conversations. */
  item(name: string): Locator {
    const list = this.page.getByRole("navigation", { name: "Conversations", includeHidden: true });
    return list
      .getByRole("link", { includeHidden: true })
      .filter({ has: this.page.getByTitle(name, { exact: true }) });
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

  async say(text: string): Promise<void> {
    await this.page.getByPlaceholder("Write a message").fill(text);
    await this.page.keyboard.press("Enter");
  }

  /** Types without sending. Others see it for some seconds. */
  async types(text: string): Promise<void> {
    await this.page.getByPlaceholder("Write a message").pressSequentially(text);
  }

  async sendPicture(url: string): Promise<void> {
    await this.page.getByRole("button", { name: "Send a picture" }).click();
    await this.page.getByRole("textbox", { name: "Address of the picture" }).fill(url);
    await this.page.keyboard.press("Enter");
  }

  async open(name: string): Promise<void> {
    await this.toList();
    await this.item(name).click();
  }

  async join(group: string): Promise<void> {
    await this.toList();
    await this.page.getByRole("textbox", { name: "Group to join" }).fill(group);
    await this.page.keyboard.press("Enter");
    await this.page.getByRole("heading", { name: group }).waitFor();
  }

  async goOffline(): Promise<void> {
    await this.toList();
    await this.page.getByRole("switch", { name: "Offline" }).check();
    await this.reads(/Reconnecting in/);
  }

  async goOnline(): Promise<void> {
    await this.page.getByRole("switch", { name: "Offline" }).uncheck();
    await this.isOnline();
  }

  /** Text of the connection's state. */
  async status(): Promise<string> {
    return (await this.page.locator(".status .state").textContent()) ?? "";
  }

  /** Text of the notices that are visible. */
  async notices(): Promise<string> {
    const visible = this.page.locator(".notices").filter({ visible: true });
    return (await visible.allTextContents()).join("");
  }

  /** Members of the open group, as `name: presence`. */
  async members(): Promise<string[]> {
    const items = this.page.getByRole("complementary", { name: "Members" }).getByRole("listitem");
    return items.evaluateAll((all) =>
      all.map((each) => {
        const texts = [".name", ".names > span.muted"].map((part) => each.querySelector(part)?.textContent);
        return texts.join(": ");
      }),
    );
  }

  async isOnline(): Promise<void> {
    await this.page.locator(".status").getByText("Online", { exact: true }).waitFor({ state: "attached" });
  }

  /** Goes back to the list, which a narrow screen hides while a conversation is open. */
  async toList(): Promise<void> {
    const back = this.page.getByRole("link", { name: "All conversations" });
    if (await back.isVisible()) await back.click();
  }
}
