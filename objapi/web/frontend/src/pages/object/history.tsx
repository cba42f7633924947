// What happened to the object, newest first: who did what when, and each value before and after.
import { useEffect, useState } from "preact/hooks";
import type { Answer, Value } from "../../objapi";
import { api, asking, messageOf } from "../../frame/api";
import { shownDate } from "../../frame/dates";
import { labelOf } from "../../frame/labels";
import { t } from "../../frame/texts";
import { isEmpty, shownValue } from "../../frame/values";
import { compare, type Piece } from "./compare";
import type { FieldDescription } from "./description";
import { object, type } from "./object";
import { titleOfState, workflows } from "./workflows";

interface Entry {
  event: string;
  actor: string | null;
  time: string;
  changes: Record<string, { old: Value; new: Value }>;
  workflow?: string;
  transition?: string | null;
  comment?: string;
  undoes?: string;
}

type Found = Answer & { total_objects: number; history: Entry[] };

const SIZE = 30;
const UID = /^[0-9a-f]{32}$/;

export default function History() {
  const [entries, setEntries] = useState<Entry[] | null>(null);
  const [total, setTotal] = useState(0);
  const [names, setNames] = useState<ReadonlyMap<string, string>>(new Map());
  const [page, setPage] = useState(0);
  const [refusal, setRefusal] = useState("");
  const uid = object.value?.UID;
  const version = object.value?.version;
  useEffect(() => {
    let current = true;
    asking(api.call<Found>("history", { UID: uid, page_size: SIZE * (page + 1) }))
      .then(async (found) => {
        const titles = await titlesOf(found.history);
        if (!current) return;
        setTotal(found.total_objects);
        setNames(titles);
        setEntries(found.history);
      })
      .catch((error: unknown) => current && setRefusal(messageOf(error)));
    return () => {
      current = false;
    };
  }, [uid, version, page]);
  return (
    <section class="part" aria-labelledby="history-heading">
      <h2 id="history-heading" class="hidden">{t("History")}</h2>
      {refusal && <p class="none">{refusal}</p>}
      <ol class="history" hidden={!entries}>
        {entries?.map((entry, place) => (
          <li key={place}>
            <p>
              <b>{titleOf(entry)}</b> {entry.actor ?? ""} <time dateTime={entry.time}>{shownDate(entry.time)}</time>
              {entry.undoes && <span class="soft"> {t("takes an earlier request back")}</span>}
            </p>
            {entry.comment && <p class="comment">{entry.comment}</p>}
            <dl>
              {Object.entries(entry.changes).map(([name, change]) => (
                <div key={name}>
                  <dt>{label(name)}</dt>
                  <dd>
                    <Difference name={name} before={change.old} after={change.new} names={names} />
                  </dd>
                </div>
              ))}
            </dl>
          </li>
        ))}
      </ol>
      {entries !== null && entries.length < total && (
        <button type="button" onClick={() => setPage(page + 1)}>
          {t("Earlier")}
        </button>
      )}
    </section>
  );
}

const EVENTS: Record<string, string> = {
  create: t("Created"),
  update: t("Changed"),
  transition: t("Step"),
  rename: t("Moved or renamed"),
  remove: t("Removed"),
  grant: t("Local role given"),
  revoke: t("Local role taken"),
  inherit: t("Changed with its place"),
};

function titleOf(entry: Entry): string {
  if (entry.event !== "transition") return EVENTS[entry.event] ?? entry.event;
  const workflow = workflows.value.get(entry.workflow ?? "");
  const step = workflow?.transitions.find((item) => item.id === entry.transition);
  return step?.title || entry.transition || t("First state");
}

function fieldOf(name: string): FieldDescription | undefined {
  return type?.fields.find((field) => field.name === name);
}

function label(name: string): string {
  const title = type?.workflows.find((workflow) => workflow.state_variable === name)?.title ?? "";
  return labelOf(fieldOf(name) ?? { name, title });
}

function Difference({ name, before, after, names }: { name: string; before: Value; after: Value; names: ReadonlyMap<string, string> }) {
  const pieces = compare(asText(name, before, names), asText(name, after, names));
  return <span class="difference">{pieces.map(shownPiece)}</span>;
}

function shownPiece(piece: Piece, place: number) {
  if (piece.kind === "same") return <span key={place}>{piece.text}</span>;
  return piece.kind === "gone" ? <del key={place}>{piece.text}</del> : <ins key={place}>{piece.text}</ins>;
}

/** A value as lines of text: titles for references, states by their titles, one line for each member of a record. */
function asText(name: string, value: Value, names: ReadonlyMap<string, string>): string {
  if (isEmpty(value)) return "";
  const workflow = type?.workflows.find((item) => item.state_variable === name);
  if (workflow && typeof value === "string") return titleOfState(workflow.id, value);
  if (typeof value === "string") return names.get(value) ?? fieldOf(name)?.vocabulary?.[value] ?? shownValue(value);
  if (Array.isArray(value)) return value.map((item) => asText(name, item, names)).join("\n");
  if (typeof value === "object") {
    return Object.entries(value)
      .filter(([, item]) => !isEmpty(item))
      .map(([key, item]) => `${key}: ${shownValue(item)}`)
      .join("; ");
  }
  return shownValue(value);
}

async function titlesOf(entries: Entry[]): Promise<ReadonlyMap<string, string>> {
  const uids = new Set(
    entries
      .flatMap((entry) => Object.values(entry.changes).flatMap((change) => [change.old, change.new]))
      .flatMap((value) => (Array.isArray(value) ? value : [value]))
      .filter((value): value is string => typeof value === "string" && UID.test(value)),
  );
  if (!uids.size) return new Map();
  const found = await asking(
    api.read({ catalog_name: "uid_catalog", UID: [...uids], include_fields: ["UID", "title"], page_size: uids.size }),
  );
  return new Map(found.objects.map((item) => [item.UID, item.title || item.path]));
}
