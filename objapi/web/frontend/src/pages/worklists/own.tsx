// The reader's saved searches among the worklists, with their numbers. What they need is loaded only where there are some.
import { signal } from "@preact/signals";
import { remembered, SEARCHES } from "../../frame/remembered";
import { t } from "../../frame/texts";

type Kept = typeof import("../search/kept");
type Result = typeof import("../search/result");

const loaded = signal<{ kept: Kept; result: Result } | null>(null);

/** Loads the saved searches, if there are any, and counts what they find. */
export async function recountOwn(): Promise<void> {
  if (!loaded.value) {
    if (!remembered(SEARCHES)) return;
    const [kept, result, { loadCatalogs }] = await Promise.all([import("../search/kept"), import("../search/result"), import("../search/catalogs")]);
    if (!kept.saved.value.length) return;
    await loadCatalogs();
    loaded.value = { kept, result };
  }
  await loaded.value.kept.recount();
}

export function OwnLists() {
  if (!loaded.value) return null;
  const { kept, result } = loaded.value;
  return (
    <>
      <h2 id="own-heading">{t("Saved searches")}</h2>
      <ul aria-labelledby="own-heading">
        {kept.saved.value.map((item) => {
          const count = kept.counts.value.get(item.name);
          return (
            <li key={item.name}>
              <a href={result.linkTo(item.search)}>
                <span>{item.name}</span>
                <b class={count ? "" : "zero"}>{count ?? "–"}</b>
              </a>
            </li>
          );
        })}
      </ul>
    </>
  );
}
