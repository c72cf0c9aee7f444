import { renderPage } from "../shared/shared.ts";
import { App } from "./view/App.tsx";
import "../shared/style/base.css";
import "./style/start.css";
import "./style/reference.css";

renderPage(<App />);
