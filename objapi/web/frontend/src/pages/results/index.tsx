// The results of an object in one sheet: typed or pasted, judged at once, saved together, then taken a step further.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, asking, messageOf } from "../../frame/api";
import type { Page } from "../../objapi";
import { first, page } from "../../frame/data";
import { tell } from "../../frame/notices";
import { Steps } from "../../frame/steps";
import { n, t } from "../../frame/texts";
import { loadChoices } from "./choices";
import { Grid } from "./grid";
import { loadDetection } from "./limits";
import { loadNames } from "./names";
import { Conflicts, Review } from "./review";
import { busy, disagreements, discard, followOthers, reread, review, reviewing } from "./saving";
import { drafts, findWritable, rows, sheet, writable } from "./sheet";
import "../../frame/review.css";
import "./results.css";

/** Rows that a step which the sheet offers is open to. */
const ready = signal<string[]>([]);

export default function Results() {
  useEffect(() => {
    const stop = new AbortController();
    const failed = (error: unknown) => tell(messageOf(error), "bad");
    const longer = first<Page>("read")?.next !== undefined;
    (longer ? reread() : Promise.all([findWritable(), loadDetection(), loadChoices()])).catch(failed);
    loadNames().catch(failed);
    followOthers(stop.signal).catch(failed);
    const warn = (event: BeforeUnloadEvent) => {
      if (drafts.value.size) event.preventDefault();
    };
    const keyed = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      void review();
    };
    addEventListener("beforeunload", warn);
    document.addEventListener("keydown", keyed);
    return () => {
      stop.abort();
      removeEventListener("beforeunload", warn);
      document.removeEventListener("keydown", keyed);
    };
  }, []);
  const version = rows.value.map((row) => `${row.UID} ${row.version}`).join();
  useEffect(() => {
    findReady().catch((error: unknown) => tell(messageOf(error), "bad"));
  }, [version]);
  if (!sheet) return <p>{t("There is no such object.")}</p>;
  const title = sheet.titles[page.language] ?? sheet.title;
  return (
    <>
      <nav class="crumbs" aria-label={t("Place")}>
        <a href={sheet.path}>{sheet.id}</a>
      </nav>
      <h1>
        {title} <small>{sheet.id}</small>
      </h1>
      {!rows.value.length && <p class="none">{t("There is nothing in this sheet that you may see.")}</p>}
      {rows.value.length > 0 && writable.value?.size === 0 && <p class="hint">{t("You may not enter any of these results now.")}</p>}
      {rows.value.length > 0 && <Grid />}
      {disagreements.value.length > 0 && <Conflicts />}
      {(writable.value?.size ?? 0) > 0 && !reviewing.value && <Finish />}
      {reviewing.value && <Review />}
      {!drafts.value.size && ready.value.length > 0 && <Onward version={version} />}
    </>
  );
}

function Finish() {
  const count = drafts.value.size;
  return (
    <div class="saving">
      <button type="button" class="main" disabled={busy.value || !count || disagreements.value.length > 0} onClick={review}>
        {t("Review and save")}
      </button>
      <button type="button" disabled={!count} onClick={discard}>
        {t("Discard")}
      </button>
      <span class="soft">{count ? n("{count} value changed", "{count} values changed", count) : t("nothing changed")}</span>
    </div>
  );
}

function Onward({ version }: { version: string }) {
  return (
    <>
      <h2>{n("{count} row can go on", "{count} rows can go on", ready.value.length)}</h2>
      <Steps
        uids={ready.value}
        version={`${version} ${ready.value.join()}`}
        preferred={sheet?.transitions ?? []}
        done={async () => {
          await reread();
        }}
      />
    </>
  );
}

async function findReady(): Promise<void> {
  const offered = sheet?.transitions ?? [];
  if (!offered.length || !rows.value.length) return;
  const allowed = await asking(api.transitions(rows.value.map((row) => row.UID), false, { language: page.language }));
  const open = allowed.filter((item) => item.transitions.some((step) => offered.includes(step.id)));
  ready.value = open.map((item) => item.uid);
}
