// The page of an object: its state and the steps from it; its fields, the form for them, its workflow and its history.
import { useEffect, useState } from "preact/hooks";
import type { ComponentType } from "preact";
import type { Change } from "../../objapi";
import { asking, messageOf } from "../../frame/api";
import { page } from "../../frame/data";
import { follow } from "../../frame/live";
import { tell } from "../../frame/notices";
import { Steps } from "../../frame/steps";
import { t } from "../../frame/texts";
import { Fields } from "./fields";
import { object, renew, type } from "./object";
import { loadWorkflows, titleOfState } from "./workflows";
// What is loaded later has its styles from the page.
import "../../charts/charts.css";
import "./object.css";

type Part = { id: string; title: string; load: () => Promise<{ default: ComponentType }> };

const PARTS: Part[] = [
  { id: "fields", title: t("Fields"), load: async () => ({ default: Fields }) },
  { id: "edit", title: t("Edit"), load: () => import("./edit") },
  { id: "charts", title: t("Charts"), load: () => import("./charts") },
  { id: "contents", title: t("Contents"), load: () => import("./contents") },
  { id: "new", title: t("New"), load: () => import("./new") },
  { id: "workflow", title: t("Workflow"), load: () => import("./diagrams") },
  { id: "history", title: t("History"), load: () => import("./history") },
];

export default function ObjectPage() {
  const here = object.value;
  const [gone, setGone] = useState(false);
  useEffect(() => {
    loadWorkflows().catch((error: unknown) => tell(messageOf(error), "bad"));
    const stop = new AbortController();
    followObject(() => setGone(true), stop.signal).catch((error: unknown) => tell(messageOf(error), "bad"));
    return () => stop.abort();
  }, []);
  if (!here || !type || gone) return <p>{t("There is no such object.")}</p>;
  const steps = here.path.split("/");
  return (
    <>
      <nav class="crumbs" aria-label={t("Place")}>
        {steps.slice(2, -1).map((id, place) => (
          <a key={place} href={steps.slice(0, place + 3).join("/")}>
            {id}
          </a>
        ))}
      </nav>
      <h1>
        {here.title || here.id} <small>{type.title || type.portal_type}</small>
      </h1>
      <p class="states">
        {type.workflows.map((workflow) => (
          <span key={workflow.id} class="state">
            {titleOfState(workflow.id, String(here[workflow.state_variable] ?? ""))}
          </span>
        ))}
      </p>
      {type.result_sheet && (
        <p>
          <a class="button" href={`${page.site.url}/console/results/${here.UID}`}>
            {type.result_sheet.titles[page.language] ?? type.result_sheet.title}
          </a>
        </p>
      )}
      {type.workflows.length > 0 && <Steps uids={[here.UID]} version={`${here.UID} ${here.version}`} done={renew} />}
      <Parts />
    </>
  );
}

/** Reads the object anew whenever it changes; tells when it is removed. */
async function followObject(removed: () => void, signal: AbortSignal): Promise<void> {
  const here = object.value;
  if (!here) return;
  const told = (changes: Change[]) => {
    const own = changes.filter((change) => change.UID === here.UID);
    if (own.some((change) => change.kinds.includes("remove"))) removed();
    else if (own.length || !changes.length) renew().catch((error: unknown) => tell(messageOf(error), "bad"));
  };
  await follow({ path: here.path }, told, signal);
}

function Parts() {
  const parts = PARTS.filter(
    (part) =>
      (part.id !== "charts" || (type?.charts.length ?? 0) > 0) &&
      (part.id !== "workflow" || (type?.workflows.length ?? 0) > 0) && (!["contents", "new"].includes(part.id) || (type?.contains.length ?? 0) > 0),
  );
  const wanted = () => parts.find((part) => `#${part.id}` === location.hash.split("/")[0])?.id ?? "fields";
  const [shown, show] = useState(wanted);
  const [Shown, setShown] = useState<{ component: ComponentType } | null>(shown === "fields" ? { component: Fields } : null);
  useEffect(() => {
    const listen = () => show(wanted());
    addEventListener("hashchange", listen);
    return () => removeEventListener("hashchange", listen);
  }, []);
  useEffect(() => {
    let current = true;
    const part = parts.find((item) => item.id === shown);
    asking(part ? part.load() : Promise.reject(new Error(shown)))
      .then((loaded) => current && setShown({ component: loaded.default }))
      .catch((error: unknown) => tell(messageOf(error), "bad"));
    return () => {
      current = false;
    };
  }, [shown]);
  return (
    <>
      <nav class="parts" aria-label={t("Parts of the page")}>
        {parts.map((part) => (
          <a key={part.id} href={`#${part.id}`} aria-current={part.id === shown ? "true" : undefined}>
            {part.title}
          </a>
        ))}
      </nav>
      {Shown && <Shown.component />}
    </>
  );
}

