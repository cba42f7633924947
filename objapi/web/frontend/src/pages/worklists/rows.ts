// The rows of the list that is shown: which there are, which are selected, and how the last step ended for each.
import { computed, signal } from "@preact/signals";
import type { Batch, ObjectRead, Page, Parameters } from "../../objapi";
import { api, asking } from "../../frame/api";

export const SIZE = 50;
const MOST_SELECTED = 1000;

export interface RowOutcome {
  good: boolean;
  text: string;
}

export const rows = signal<ObjectRead[]>([]);
export const total = signal(0);
export const next = signal<string | undefined>(undefined);
export const selected = signal<ReadonlySet<string>>(new Set());
export const outcomes = signal<ReadonlyMap<string, RowOutcome>>(new Map());

/** The selected rows in the order in which they are shown. */
export const chosen = computed(() => rows.value.filter((row) => selected.value.has(row.UID)));

/** How a step ended for each row, by UID. */
export function noted(answer: Batch | null, uids: string[]): ReadonlyMap<string, RowOutcome> {
  const found = new Map<string, RowOutcome>();
  (answer?.objects ?? []).forEach((item, place) => {
    const uid = String(item.UID ?? item.obj_uid ?? uids[place] ?? "");
    found.set(uid, { good: item.success !== false, text: String(item.message ?? "") });
  });
  return found;
}

let anchor: string | null = null;

export function fill(answer: Page): void {
  rows.value = answer.objects;
  total.value = answer.total_objects;
  next.value = answer.next;
}

/** Reads the list anew, as far as it was shown. What is selected and still there stays selected. */
export async function reread(query: Parameters): Promise<void> {
  const size = Math.min(MOST_SELECTED, Math.max(SIZE, Math.ceil(rows.value.length / SIZE) * SIZE));
  fill(await asking(api.read({ ...query, page_size: size })));
  const present = new Set(rows.value.map((row) => row.UID));
  selected.value = new Set([...selected.value].filter((uid) => present.has(uid)));
}

export async function more(query: Parameters, size = SIZE): Promise<void> {
  const answer = await asking(api.read({ ...query, page_size: size, next: next.value }));
  const present = new Set(rows.value.map((row) => row.UID));
  rows.value = [...rows.value, ...answer.objects.filter((row) => !present.has(row.UID))];
  total.value = answer.total_objects;
  next.value = answer.next;
}

/**
 * Selects a row, or lets go of it; with shift all from the row that was last clicked, as this one. What is selected is
 * looked up now, not when the row was drawn: of two quick clicks each counts.
 */
export function toggle(uid: string, shift: boolean): void {
  const found = new Set(selected.value);
  const on = !found.has(uid);
  const order = rows.value.map((row) => row.UID);
  const from = anchor === null ? -1 : order.indexOf(anchor);
  const to = order.indexOf(uid);
  const range = shift && from >= 0 ? order.slice(Math.min(from, to), Math.max(from, to) + 1) : [uid];
  for (const one of range) {
    if (on) found.add(one);
    else found.delete(one);
  }
  anchor = uid;
  selected.value = found;
}

export function toggleAll(on: boolean): void {
  selected.value = new Set(on ? rows.value.map((row) => row.UID) : []);
}

/** Selects everything that the list holds, as far as one request may change. */
export async function selectEverything(query: Parameters): Promise<void> {
  while (next.value !== undefined && rows.value.length < MOST_SELECTED) {
    await more(query, Math.min(500, MOST_SELECTED - rows.value.length));
  }
  toggleAll(true);
}

/** Puts rows that are further down to the top, so that they can be seen and selected. */
export function bringUp(found: ObjectRead[]): void {
  const present = new Set(found.map((row) => row.UID));
  rows.value = [...found, ...rows.value.filter((row) => !present.has(row.UID))];
}
