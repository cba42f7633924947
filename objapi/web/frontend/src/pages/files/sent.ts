// The file that is to be written, what the server says it would do, and what was decided about it.
import { computed, signal } from "@preact/signals";
import { ApiFailure, type Answer, type Cause, type PlannedChange, type Proof, type Step } from "../../objapi";
import { api, asking, messageOf } from "../../frame/api";
import { first } from "../../frame/data";
import { tell } from "../../frame/notices";
import { n, t } from "../../frame/texts";
import { mayUndo } from "../../frame/undo";

export interface ResultFile {
  name: string;
  title: string;
  columns: string[];
}

/** A row that is written, or a result that is entered. */
export interface Done {
  row: number;
  path: string;
  UID: string;
  event?: "update" | "create";
  fields?: { field: string; old: string; new: string }[];
  sample?: string;
  keyword?: string;
  result?: string;
}

export interface Refused {
  row: number;
  path: string;
  message: string;
  errors?: (Cause & { column?: string })[];
}

export interface Conflict {
  row: number;
  path: string;
  field: string;
  base: string | null;
  theirs: string;
  mine: string;
}

export interface Told extends Answer {
  rows?: Done[];
  unchanged?: number;
  results?: Done[];
  left_out?: { row: number; sample: string; keyword: string; result: string }[];
  refused?: Refused[];
  refused_count?: number;
  conflicts?: Conflict[];
  plan?: { changes: (PlannedChange & { row?: number })[] };
}

/** What is in the file: objects that were exported, or the results of an instrument. */
export const OBJECTS = "";

export const shapes: ResultFile[] = first<{ result_files: ResultFile[] }>("result_files")?.result_files ?? [];
export const kind = signal(shapes.find((shape) => shape.name === first<string>("place"))?.name ?? OBJECTS);
export const newType = signal("");
export const newPlace = signal("");
export const file = signal<File | null>(null);
export const busy = signal(false);
/** What would be done with the file. */
export const trial = signal<Told | null>(null);
/** Why there is nothing to be done: what is wrong with the file as a whole, by row and column where that is known. */
export const refusal = signal<Refused | null>(null);
/** What was done, once it was. */
export const done = signal<Told | null>(null);
/** The step that the results take, where it is to be signed, and why the last proof was refused. */
export const signing = signal<{ step: Step; problem: string } | null>(null);
const decided = signal<ReadonlyMap<string, { conflict: Conflict; take: "mine" | "theirs" }>>(new Map());

export const rows = computed(() => trial.value?.rows ?? trial.value?.results ?? []);
export const refused = computed(() => {
  const conflicting = new Set((trial.value?.conflicts ?? []).map((conflict) => conflict.row));
  return (trial.value?.refused ?? []).filter((one) => !conflicting.has(one.row));
});
export const refusedCount = computed(() => trial.value?.refused_count ?? trial.value?.refused?.length ?? 0);

function form(more: Record<string, string>): FormData {
  const sent = new FormData();
  sent.set("file", file.value as File);
  if (kind.value === OBJECTS) {
    if (newType.value) sent.set("obj_type", newType.value);
    if (newPlace.value) sent.set("obj_path", newPlace.value);
    const decisions = [...decided.value.values()].map(({ conflict: { row, field, theirs }, take }) => ({ row, field, theirs, take }));
    if (decisions.length) sent.set("decisions", JSON.stringify(decisions));
  } else {
    sent.set("instrument", kind.value);
  }
  for (const [name, value] of Object.entries(more)) sent.set(name, value);
  return sent;
}

function method(): string {
  return kind.value === OBJECTS ? "apply_sheet" : "import_results";
}

export function choose(chosen: File | null): void {
  file.value = chosen;
  decided.value = new Map();
  trial.value = null;
  void tryOut(true);
}

let last = 0;
/** Counts the trials to which the focus goes: not those of whoever still fills in the form. */
export const led = signal(0);

/** Asks what would be done. Rows that cannot be are no failure here: they are told beside the others. */
export async function tryOut(leads = false): Promise<void> {
  const own = ++last;
  refusal.value = done.value = signing.value = null;
  if (!file.value) return;
  busy.value = true;
  try {
    const told = await asking(api.sendForm<Told>(method(), form({ dry_run: "1", partial: "1" })));
    if (own !== last) return;
    trial.value = told;
    if (leads) led.value += 1;
  } catch (error) {
    if (own !== last) return;
    trial.value = null;
    refusal.value = refusalOf(error);
  } finally {
    if (own === last) busy.value = false;
  }
}

function refusalOf(error: unknown): Refused {
  const errors = error instanceof ApiFailure ? error.errors : [];
  return { row: 0, path: "", message: messageOf(error), errors };
}

export function decide(conflict: Conflict, take: "mine" | "theirs"): void {
  decided.value = new Map(decided.value).set(`${conflict.row} ${conflict.field}`, { conflict, take });
  void tryOut(true);
}

/** Writes what the trial has shown, in one request. Rows that could not be done are left out, if there are any. */
export async function apply(proof?: Proof): Promise<void> {
  const partial: Record<string, string> = refusedCount.value ? { partial: "1" } : {};
  busy.value = true;
  try {
    const told = await asking(api.sendForm<Told>(method(), form({ ...partial, ...proof }), { key: crypto.randomUUID() }));
    const signature = (told.refused ?? []).find((one) => "type" in one && one.type === "SignatureRequired");
    if (signature && !proof) {
      askToSign("");
      return;
    }
    signing.value = null;
    trial.value = null;
    done.value = told;
    for (const warning of told.warnings ?? []) tell(warning, "info");
    await tellDone(told);
  } catch (error) {
    if (error instanceof ApiFailure && error.type.startsWith("Signature")) askToSign(proof ? error.message : "");
    else {
      tell(messageOf(error), "bad");
      // Others have changed something since the trial, or the file itself: what holds now is shown.
      await tryOut(true);
    }
  } finally {
    busy.value = false;
  }
}

function askToSign(problem: string): void {
  const states = (trial.value?.plan?.changes ?? []).flatMap((change) => change.states ?? []);
  const step = states.find((state) => state.signature) ?? states[0];
  const id = step?.transition ?? "";
  signing.value = { step: { id, title: id, ...(step?.signature ? { signature: step.signature } : {}) }, problem };
}

async function tellDone(told: Told): Promise<void> {
  const count = (told.rows ?? told.results ?? []).length;
  const words = [n("{count} row is done.", "{count} rows are done.", count)];
  const left = told.refused_count ?? told.refused?.length ?? 0;
  if (left) words.push(n("{count} could not be done.", "{count} could not be done.", left));
  const request = told.request_id ?? "";
  const back = count && request && !signing.value && (await mayUndo());
  tell(words.join(" "), left ? "bad" : "good", back ? { label: t("Undo"), run: () => void takeBack(request) } : undefined);
}

async function takeBack(request: string): Promise<void> {
  try {
    await asking(api.call("undo", { request_id: request }));
    tell(t("Undone."), "good");
    await tryOut(true);
  } catch (error) {
    tell(messageOf(error), "bad");
  }
}
