import { renderPage, socketUrl } from "../shared/shared.ts";
import { Page } from "./model/page.ts";
import { App } from "./view/App.tsx";
import "../shared/style/base.css";
import "./style/sidebar.css";
import "./style/conversation.css";
import "./style/message.css";
import "./style/members.css";
import "./style/frames.css";
import "./style/tables.css";

renderPage(<App page={new Page(socketUrl().href)} />);
