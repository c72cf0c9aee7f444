import { renderPage } from "../shared/shared.ts";
import { Page } from "./model/page.ts";
import { App } from "./view/App.tsx";
import "../shared/style/base.css";
import "./style/frame.css";
import "./style/list.css";
import "./style/conversation.css";
import "./style/message.css";
import "./style/group.css";

renderPage(<App page={new Page()} />);
