// Starts the page once its set-up has been read.
import "graphiql/setup-workers/vite";
// Part by part, because graphiql/style.css brings a second copy of the editor's styles, and web fonts.
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "@graphiql/plugin-explorer/style.css";
import "graphiql/graphiql.css";
import "./page.css";
import { createRoot } from "react-dom/client";
import { Page } from "./page.jsx";
import { readSetup } from "./setup.js";

const element = document.getElementById("page");

try {
  const setup = await readSetup();
  createRoot(element).render(<Page setup={setup} />);
} catch (error) {
  element.textContent = `This page could not be set up: ${error.message}`;
}
