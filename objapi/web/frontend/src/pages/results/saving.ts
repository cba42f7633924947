// What the server says to what is typed: what follows from it, what it refuses, and what others have saved meanwhile.
import { signal } from "@preact/signals";
import { ApiFailure, type Batch, type Change, type ObjectRead, type Plan } from "../../objapi";
import { api, asking, messageOf } from "../../frame/api";
import { follow } from "../../frame/live";
import { tell } from "../../frame/notices";
import { n, t } from "../../frame/texts";
import { loadChoices } from "./choices";
import { loadDetection } from "./limits";
import { type Cell, drafts, entries, findWritable, keyOf, readRows, rows, RESULT, sheet, stored } from "./sheet";

export interface Disagreement {
  cell: Cell;
  before: string;
  theirs: string;
  mine: string;
}

const SOON = 300;
const LATER = 500;

/** What would be done with what is typed; null when nothing is, or it is not known yet. */
export const plan = signal<Plan | null>(null);
/** Path → the result that follows from what is typed. */
export const following = signal<ReadonlyMap<string, string>>(new Map());
/** UID of a row → why what is typed there is refused. */
export const faults = signal<ReadonlyMap<string, string>>(new Map());
export const disagreements = signal<Disagreement[]>([]);
export const reviewing = signal(false);
export const busy = signal(false);

let timer = 0;
let asked: AbortController | null = null;

/** Asks the server what follows, as soon as the user pauses. */
export function planSoon(): void {
  clearTimeout(timer);
  timer = window.setTimeout(() => {
    planNow().catch((error: unknown) => tell(messageOf(error), "bad"));
  }, SOON);
}

/** Asks the server what follows. `again`: what others have saved meanwhile is read first, and what fits is asked for anew. */
export async function planNow(again = true): Promise<void> {
  clearTimeout(timer);
  asked?.abort();
  const own = (asked = new AbortController());
  const sent = entries();
  if (!sent.length) return forget();
  try {
    const found = await asking(trial(sent, own.signal));
    if (own !== asked) return;
    if (again && found.refused.some((one) => one.type === "Conflict")) {
      await reread();
      if (!disagreements.value.length) await planNow(false);
    } else {
      showPlan(found, sent);
    }
  } catch (error) {
    if (!own.signal.aborted) throw error;
  }
}

function forget(): void {
  plan.value = null;
  following.value = new Map();
  faults.value = new Map();
  reviewing.value = false;
}

async function trial(sent: ReturnType<typeof entries>, signal: AbortSignal): Promise<Plan> {
  try {
    return (await api.updateMany(sent, { dry_run: true }, { signal })).plan ?? { changes: [], reindexed: 0, refused: [] };
  } catch (error) {
    // A trial that is refused has the plan of all that could be done.
    const planned = error instanceof ApiFailure && (error.answer["plan"] as Plan | undefined);
    if (planned) return planned;
    throw error;
  }
}

function showPlan(found: Plan, sent: ReturnType<typeof entries>): void {
  plan.value = found;
  const results = found.changes.flatMap((change) =>
    (change.fields ?? []).filter((field) => field.field === sheet?.result.name).map((field) => [change.path, String(field.new ?? "")] as const),
  );
  following.value = new Map(results);
  faults.value = new Map(found.refused.map((one) => [sent[Number(one["index"])]?.obj_uid ?? "", one.message ?? ""]));
}

/** Shows all that would be done, to be saved or not. */
export async function review(): Promise<void> {
  if (busy.value || !drafts.value.size || disagreements.value.length) return;
  busy.value = true;
  try {
    await planNow();
    reviewing.value = plan.value !== null && !faults.value.size && !disagreements.value.length;
    if (faults.value.size) tell(t("Some values cannot be saved: see the marked rows."), "bad");
  } catch (error) {
    tell(messageOf(error), "bad");
  } finally {
    busy.value = false;
  }
}

/** Saves all that is typed in one request, all or nothing. */
export async function save(): Promise<void> {
  if (busy.value) return;
  busy.value = true;
  const sent = entries();
  try {
    const answer: Batch = await asking(api.updateMany(sent, {}, { key: crypto.randomUUID() }));
    drafts.value = new Map();
    forget();
    await reread();
    tell(n("Results of {count} row are saved.", "Results of {count} rows are saved.", sent.length), "good");
    for (const warning of answer.warnings ?? []) tell(warning, "info");
  } catch (error) {
    reviewing.value = false;
    await refused(error, sent);
  } finally {
    busy.value = false;
  }
}

async function refused(error: unknown, sent: ReturnType<typeof entries>): Promise<void> {
  const updates = error instanceof ApiFailure ? ((error.answer["updates"] as Batch["updates"]) ?? []) : [];
  if (updates.some((one) => one.type === "Conflict") || (error instanceof ApiFailure && error.type === "Conflict")) return reread();
  const found = updates.flatMap((one, place) => (one.success === false ? [[sent[place]?.obj_uid ?? "", one.message ?? ""] as const] : []));
  faults.value = new Map(found);
  tell(messageOf(error), "bad");
}

/** Reads all rows anew. What only one has changed stands; what both have changed is asked for. */
export async function reread(): Promise<void> {
  const now = await readRows();
  const both = differing(now);
  const moved = new Map(rows.value.map((row) => [row.UID, row.version]));
  const others = drafts.value.size > 0 && now.some((row) => moved.has(row.UID) && moved.get(row.UID) !== row.version);
  const present = new Set(now.map((row) => row.UID));
  rows.value = now;
  drafts.value = new Map(
    [...drafts.value].filter(([key, text]) => {
      const [uid = "", ...part] = key.split(" ");
      const row = now.find((item) => item.UID === uid);
      return present.has(uid) && row !== undefined && stored({ row, part: part.join(" ") }) !== text;
    }),
  );
  disagreements.value = both;
  if (both.length) tell(t("Somebody else has saved results meanwhile. Decide about those that both have changed."), "bad");
  else if (others) tell(t("Somebody else has saved meanwhile; your changes fit."), "info");
  if (both.length) reviewing.value = false;
  await Promise.all([findWritable(), loadDetection(), loadChoices()]);
  if (drafts.value.size) planSoon();
  else forget();
}

function differing(now: ObjectRead[]): Disagreement[] {
  const earlier = new Map(disagreements.value.map((item) => [keyOf(item.cell), item]));
  return rows.value.flatMap((row) => {
    const later = now.find((item) => item.UID === row.UID);
    if (!later) return [];
    const parts = [...drafts.value.keys()].filter((key) => key.startsWith(`${row.UID} `)).map((key) => key.slice(row.UID.length + 1));
    return parts.flatMap((part) => {
      const cell = { row: later, part };
      const known = earlier.get(keyOf(cell));
      const before = known?.before ?? stored({ row, part });
      const theirs = stored(cell);
      const mine = drafts.value.get(keyOf(cell)) ?? "";
      return theirs === before || theirs === mine ? [] : [{ cell, before, theirs, mine }];
    });
  });
}

export function decide(item: Disagreement, mine: boolean): void {
  disagreements.value = disagreements.value.filter((other) => other !== item);
  if (!mine) {
    const found = new Map(drafts.value);
    found.delete(keyOf(item.cell));
    drafts.value = found;
  }
  planSoon();
}

/** Lets go of all that is typed. */
export function discard(): void {
  drafts.value = new Map();
  disagreements.value = [];
  asked?.abort();
  clearTimeout(timer);
  forget();
}

/** Reads anew soon after somebody has changed a row; ends by the signal. */
export function followOthers(signal: AbortSignal): Promise<void> {
  let waiting = 0;
  const told = (changes: Change[]) => {
    const shown = new Map(rows.value.map((row) => [row.UID, row.version]));
    if (busy.value || (changes.length && !changes.some((change) => (shown.get(change.UID) ?? Infinity) < change.version))) return;
    clearTimeout(waiting);
    waiting = window.setTimeout(() => {
      reread().catch((error: unknown) => tell(messageOf(error), "bad"));
    }, LATER);
  };
  return follow({ portal_type: sheet?.types ?? [] }, told, signal);
}

/** What a cell shows: what is typed, else what follows from that, else what is stored. */
export function shown(cell: Cell): string {
  const typed = drafts.value.get(keyOf(cell));
  if (typed !== undefined) return typed;
  const follows = cell.part === RESULT ? following.value.get(cell.row.path) : undefined;
  return follows ?? stored(cell);
}
