import { render } from "preact";
import { Page } from "./model/page.ts";
import { App } from "./view/App.tsx";
import "../shared/style/base.css";
import "./style/sidebar.css";
import "./style/conversation.css";
import "./style/message.css";
import "./style/members.css";
import "./style/frames.css";
import "./style/tables.css";

const path = document.querySelector<HTMLMetaElement>('meta[name="tidings-path"]')?.content ?? "/ws";
const root = document.getElementById("page");
if (root !== null) render(<App page={new Page(path)} />, root);
