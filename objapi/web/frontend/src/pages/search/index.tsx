// Browse and search: the tree, a search put together from what the catalogs declare, counts, and what is found.
import { useEffect } from "preact/hooks";
import type { Batch, Named, ObjectRead } from "../../objapi";
import { messageOf } from "../../frame/api";
import { page } from "../../frame/data";
import { tell } from "../../frame/notices";
import { onScan } from "../../frame/scan";
import { Steps } from "../../frame/steps";
import { t } from "../../frame/texts";
import { chosen, noted, outcomes, reread, rows, selected, total } from "../worklists/rows";
import { Rows } from "../worklists/table";
import { followAll } from "../worklists/worklist";
import "../worklists/worklists.css";
import { Builder } from "./builder";
import { catalogs, firstSearch, loadCatalogs } from "./catalogs";
import { Facets } from "./facets";
import { recount } from "./kept";
import { Layout } from "./layout";
import { busy, columns, countValues, go, query, refusal, searchOfAddress, warnings } from "./result";
import { nameOfSearch, SavedSearches } from "./saved";
import { Call, Files } from "./taking";
import { shownPlace, Tree } from "./tree";
import "./search.css";

export default function Search() {
  useEffect(() => {
    const stop = new AbortController();
    const end = onScan(select);
    const back = () => show();
    addEventListener("popstate", back);
    loadCatalogs()
      .then(() => {
        show();
        return followAll(() => renew().catch(failed), stop.signal);
      })
      .catch(failed);
    return () => {
      stop.abort();
      end();
      removeEventListener("popstate", back);
    };
  }, []);
  if (!catalogs.value.length) return <h1>{page.title}</h1>;
  const place = shownPlace();
  return (
    <div class="searching">
      <div class="side">
        <Tree />
        <SavedSearches />
      </div>
      <div>
        <h1>
          {nameOfSearch() || page.title} <small aria-live="polite">{total.value}</small>
        </h1>
        {place && (
          <p>
            <a href={place}>{t("The page of {path}", { path: place })}</a>
          </p>
        )}
        <Builder />
        {warnings.value.map((text) => (
          <p key={text} class="hint">
            {text}
          </p>
        ))}
        <div class="bodies">
          <Facets />
          <div aria-busy={busy.value}>
            <Files />
            <Call />
            <Layout />
            <Chosen />
            <Found />
          </div>
        </div>
      </div>
    </div>
  );
}

function Found() {
  if (!rows.value.length) return busy.value || refusal.value ? null : <p class="none">{t("Nothing is found.")}</p>;
  return <Rows list={{ query: query.value, columns: columns.value }} />;
}

function Chosen() {
  const uids = chosen.value.map((row) => row.UID);
  if (!uids.length) return null;
  const done = async (_step: Named | null, answer: Batch | null) => {
    outcomes.value = noted(answer, uids);
    await renew();
  };
  const version = chosen.value.map((row) => `${row.UID} ${row.version}`).join();
  return <Steps uids={uids} version={version} clear={() => (selected.value = new Set())} done={done} />;
}

/** Shows what the address of the page asks for. */
function show(): void {
  try {
    go(searchOfAddress());
  } catch {
    go(firstSearch());
    tell(t("The link of this page holds no search of this site."), "bad");
  }
}

async function renew(): Promise<void> {
  await Promise.all([recount(), ...(refusal.value ? [] : [reread(query.value), countValues()])]);
}

function failed(error: unknown): void {
  tell(messageOf(error), "bad");
}

/** Selects the rows that carry what was scanned; what is not among them is opened. */
function select(found: ObjectRead[]): boolean {
  const uids = new Set(found.map((item) => item.UID));
  const here = rows.value.filter((row) => uids.has(row.UID));
  if (here.length) selected.value = new Set([...selected.value, ...here.map((row) => row.UID)]);
  return here.length > 0;
}
