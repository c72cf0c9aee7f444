import { renderPage } from "../shared/shared.ts";
import { Session } from "./model/session.ts";
import { App } from "./view/App.tsx";
import "../shared/style/base.css";
import "uplot/dist/uPlot.min.css";
import "./style/layout.css";
import "./style/parts.css";
import "./style/views.css";

renderPage(<App session={new Session()} />);
