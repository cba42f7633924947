// A scanned number becomes the objects that carry it. A page may take them, to select its rows; else the object is opened.
import { signal } from "@preact/signals";
import type { ObjectRead } from "../objapi";
import { api, asking } from "./api";
import { page } from "./data";
import { tell } from "./notices";
import { t } from "./texts";

type Taker = (found: ObjectRead[], code: string) => boolean;

let taker: Taker | null = null;

/** Objects among which the user has to choose. */
export const candidates = signal<ObjectRead[]>([]);

/** Lets a page take what is scanned; it says whether it did. The function that it gives ends this. */
export function onScan(take: Taker): () => void {
  taker = take;
  return () => {
    if (taker === take) taker = null;
  };
}

export async function scanned(text: string): Promise<void> {
  const code = text.trim();
  candidates.value = [];
  if (!code) return;
  const found = await withCode(code);
  if (found.length && taker?.(found, code)) return;
  const [only] = found;
  if (!only) {
    tell(t("Nothing here has the number {code}.", { code }), "bad");
  } else if (found.length === 1) {
    location.assign(only.path);
  } else {
    candidates.value = found;
  }
}

async function withCode(code: string): Promise<ObjectRead[]> {
  const answers = await Promise.all(
    page.scan.map(({ catalog, index }) =>
      asking(api.read({ catalog_name: catalog, [index]: code, include_fields: ["UID", "id", "title", "portal_type"], page_size: 20 })),
    ),
  );
  const byUid = new Map(answers.flatMap((answer) => answer.objects).map((item) => [item.UID, item]));
  return [...byUid.values()];
}
