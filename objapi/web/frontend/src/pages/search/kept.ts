// Searches that the reader has saved, in this browser, and how much each finds.
import { signal } from "@preact/signals";
import { api } from "../../frame/api";
import { tell } from "../../frame/notices";
import { remembered, SEARCHES } from "../../frame/remembered";
import { t } from "../../frame/texts";
import { catalogNamed } from "./catalogs";
import { countOf } from "./result";
import type { Search } from "./search";

export interface Saved {
  name: string;
  search: Search;
}

export const saved = signal<Saved[]>(stored());
export const counts = signal<ReadonlyMap<string, number | null>>(new Map());

export function stored(): Saved[] {
  try {
    const read: unknown = JSON.parse(remembered(SEARCHES) ?? "[]");
    return Array.isArray(read) ? (read as Saved[]) : [];
  } catch {
    // Something else wrote there: then nothing is saved.
    return [];
  }
}

export function keep(searches: Saved[]): void {
  saved.value = searches;
  try {
    localStorage.setItem(SEARCHES, JSON.stringify(searches));
  } catch {
    tell(t("This browser keeps nothing: the search is gone when the page is left. Its link can be kept."), "bad");
  }
}

/** Counts all saved searches anew; one that is refused, or whose catalog has gone, has no number. */
export async function recount(): Promise<void> {
  const found = await Promise.all(
    saved.value.map(async ({ name, search: wanted }): Promise<[string, number | null]> => {
      if (!catalogNamed(wanted.catalog)) return [name, null];
      const answer = await api.read(countOf(wanted)).catch(() => null);
      return [name, answer?.total_objects ?? null];
    }),
  );
  counts.value = new Map(found);
}
