// The worklists of the user, with live numbers; the rows of one of them, to be selected and taken a step further.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Batch, Named, ObjectRead, Page } from "../../objapi";
import { api, asking, messageOf } from "../../frame/api";
import { first, page } from "../../frame/data";
import { tell } from "../../frame/notices";
import { onScan } from "../../frame/scan";
import { n, t } from "../../frame/texts";
import { Steps } from "../../frame/steps";
import { OwnLists, recountOwn } from "./own";
import { bringUp, chosen, fill, noted, outcomes, reread, rows, selected } from "./rows";
import { Rows } from "./table";
import { aboutOf, followAll, recount, titleOf, type Worklist, worklists } from "./worklist";
// What is loaded later has its styles from the page.
import "../../charts/charts.css";
import "./worklists.css";

const place = first<string>("place") || worklists.value.find((list) => list.count)?.id;
const beginning = first<Page>("read");
if (beginning) fill(beginning);

export default function Worklists() {
  const list = worklists.value.find((item) => item.id === place);
  useEffect(() => {
    const stop = new AbortController();
    followAll(renew, stop.signal).catch((error: unknown) => tell(messageOf(error), "bad"));
    recountOwn().catch((error: unknown) => tell(messageOf(error), "bad"));
    const end = onScan(select);
    return () => {
      stop.abort();
      end();
    };
  }, []);
  return (
    <div class="worklists">
      <Menu />
      <div>
        {list ? (
          <>
            <h1>
              {titleOf(list)} <small>{list.count}</small>
            </h1>
            <p class="soft">{aboutOf(list)}</p>
            <Chosen list={list} />
            <Rows list={list} />
          </>
        ) : (
          <>
            <h1>{page.title}</h1>
            <p>{worklists.value.length ? t("There is nothing to do in any of your lists.") : t("There are no worklists for your roles.")}</p>
          </>
        )}
        {page.charts && <Numbers />}
      </div>
    </div>
  );
}

function Chosen({ list }: { list: Worklist }) {
  const uids = chosen.value.map((row) => row.UID);
  if (!uids.length) return <p class="hint">{t("Select rows, or scan what you have at hand.")}</p>;
  const done = async (_step: Named | null, answer: Batch | null) => {
    outcomes.value = noted(answer, uids);
    await renewNow();
  };
  const version = chosen.value.map((row) => `${row.UID} ${row.version}`).join();
  const clear = () => (selected.value = new Set());
  return <Steps uids={uids} version={version} preferred={list.transitions} clear={clear} done={done} />;
}

/** Charts of the site, loaded and counted when somebody looks at them. */
function Numbers() {
  const [Shown, setShown] = useState<{ component: ComponentType } | null>(null);
  const load = () => {
    if (Shown) return;
    import("./throughput")
      .then((loaded) => setShown({ component: loaded.default }))
      .catch((error: unknown) => tell(messageOf(error), "bad"));
  };
  return (
    <details class="numbers" onToggle={load}>
      <summary>{t("Week by week")}</summary>
      {Shown && <Shown.component />}
    </details>
  );
}

function Menu() {
  return (
    <nav class="lists" aria-label={page.title}>
      <ul>
        {worklists.value.map((list) => (
          <li key={list.id}>
            <a href={`${page.site.url}/console/worklists/${list.id}`} aria-current={list.id === place ? "page" : undefined}>
              <span>{titleOf(list)}</span>
              <b class={list.count ? "" : "zero"}>{list.count}</b>
            </a>
          </li>
        ))}
      </ul>
      <OwnLists />
    </nav>
  );
}

function shown(): Worklist | undefined {
  return worklists.value.find((item) => item.id === place);
}

/** The numbers and the rows anew. A failure shows what was there before. */
function renew(): void {
  renewNow().catch((error: unknown) => tell(messageOf(error), "bad"));
}

async function renewNow(): Promise<void> {
  await Promise.all([recount(), recountOwn()]);
  const list = shown();
  if (list) await reread(list.query);
}

/** Selects the rows of this list that carry what was scanned; the list may be longer than what is shown of it. */
function select(found: ObjectRead[], code: string): boolean {
  const list = shown();
  if (!list) return false;
  const uids = new Set(found.map((item) => item.UID));
  const here = rows.value.filter((row) => uids.has(row.UID));
  if (here.length) pick(here);
  else selectFurther(list, found, code).catch((error: unknown) => tell(messageOf(error), "bad"));
  return true;
}

async function selectFurther(list: Worklist, found: ObjectRead[], code: string): Promise<void> {
  const answer = await asking(api.read({ ...list.query, UID: found.map((item) => item.UID), page_size: 50 }));
  if (answer.objects.length) {
    bringUp(answer.objects);
    pick(answer.objects);
    return;
  }
  const target = found.find((item) => list.types.includes(item.portal_type)) ?? found[0];
  tell(t("{code} is not in this list.", { code }), "bad", target && { label: t("Open"), run: () => location.assign(target.path) });
}

function pick(found: ObjectRead[]): void {
  outcomes.value = new Map();
  selected.value = new Set([...selected.value, ...found.map((row) => row.UID)]);
  const names = found.map((row) => row.id).join(", ");
  tell(n("{names} is selected, {count} in all.", "{names} is selected, {count} in all.", selected.value.size, { names }), "info");
}
