// The entry of every page: the frame, and in it the page that the server has named.
import { type ComponentType, render } from "preact";
import { page } from "./frame/data";
import { Frame } from "./frame/frame";
import { messageOf } from "./frame/api";
import "./style/console.css";

const PAGES: Record<string, () => Promise<{ default: ComponentType }>> = {
  files: () => import("./pages/files/index"),
  object: () => import("./pages/object/index"),
  results: () => import("./pages/results/index"),
  search: () => import("./pages/search/index"),
  worklists: () => import("./pages/worklists/index"),
};

async function show(): Promise<void> {
  const root = document.getElementById("console");
  const load = PAGES[page.page];
  if (!root || !load) throw new Error(`There is no page ${page.page}.`);
  const { default: Page } = await load();
  root.replaceChildren();
  render(
    <Frame>
      <Page />
    </Frame>,
    root,
  );
}

show().catch((error: unknown) => {
  document.getElementById("console")?.append(messageOf(error));
  throw error;
});
