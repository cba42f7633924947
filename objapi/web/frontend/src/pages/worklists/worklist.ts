// Worklists as the API answers them, and their numbers, which follow what happens.
import { signal } from "@preact/signals";
import type { Answer, Parameters } from "../../objapi";
import { api, asking } from "../../frame/api";
import { first, page } from "../../frame/data";
import { follow } from "../../frame/live";

export interface Column {
  name: string;
  title: string;
  kind?: string;
  words?: Record<string, string>;
}

export interface Worklist {
  id: string;
  title: string;
  titles: Record<string, string>;
  about: string;
  abouts: Record<string, string>;
  types: string[];
  query: Parameters;
  columns: Column[];
  transitions: string[];
  count: number;
}

type Listed = Answer & { worklists: Worklist[] };

export const worklists = signal<Worklist[]>(first<Listed>("worklists")?.worklists ?? []);

export function titleOf(list: Worklist): string {
  return list.titles[page.language] ?? list.title;
}

export function aboutOf(list: Worklist): string {
  return list.abouts[page.language] ?? list.about;
}

/** Asks for all numbers anew, and for queries that are about this moment. */
export async function recount(): Promise<void> {
  worklists.value = (await asking(api.call<Listed>("worklists", { counts: true, language: page.language }))).worklists;
}

const LATER = 800;
let waiting = 0;

/** Calls what renews the page soon after each change of anything; ends by the signal. */
export function followAll(renew: () => void, signal: AbortSignal): Promise<void> {
  const soon = () => {
    clearTimeout(waiting);
    waiting = window.setTimeout(renew, LATER);
  };
  return follow({}, soon, signal);
}
