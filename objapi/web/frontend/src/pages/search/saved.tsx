// Searches that the reader has saved, in this browser, with live numbers. A link passes one on to others.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { api, asking, messageOf } from "../../frame/api";
import { page } from "../../frame/data";
import { tell } from "../../frame/notices";
import { t } from "../../frame/texts";
import { catalogNamed } from "./catalogs";
import { countOf, linkTo, search } from "./result";
import { copied, type Search } from "./search";

interface Saved {
  name: string;
  search: Search;
}

// Of this user of this site: others at the same computer have their own.
const KEY = `searches of ${page.user.id} in ${page.site.url}`;

const saved = signal<Saved[]>(stored());
const counts = signal<ReadonlyMap<string, number | null>>(new Map());

function stored(): Saved[] {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(read) ? (read as Saved[]) : [];
  } catch {
    // Something else wrote there, or the browser keeps nothing: then nothing is saved.
    return [];
  }
}

function keep(searches: Saved[]): void {
  saved.value = searches;
  try {
    localStorage.setItem(KEY, JSON.stringify(searches));
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

export function SavedSearches() {
  const [name, setName] = useState("");
  useEffect(() => {
    const elsewhere = (event: StorageEvent) => {
      if (event.key === KEY) saved.value = stored();
    };
    addEventListener("storage", elsewhere);
    return () => removeEventListener("storage", elsewhere);
  }, []);
  useEffect(() => void recount(), [saved.value]);
  const save = (event: Event) => {
    event.preventDefault();
    const wanted = name.trim();
    if (!wanted) return;
    const others = saved.value.filter((item) => item.name !== wanted);
    keep([...others, { name: wanted, search: copied(search.value) }].sort((one, other) => one.name.localeCompare(other.name)));
    setName("");
  };
  return (
    <nav class="saved lists" aria-labelledby="saved-heading">
      <h2 id="saved-heading">{t("Saved searches")}</h2>
      <ul>
        {saved.value.map((item) => (
          <li key={item.name}>
            <a href={linkTo(item.search)} aria-current={isShown(item.search) ? "page" : undefined}>
              <span>{item.name}</span>
              <b>{counts.value.get(item.name) ?? "–"}</b>
            </a>
            <button
              type="button"
              class="plain"
              aria-label={t("Remove {title}", { title: item.name })}
              onClick={() => keep(saved.value.filter((other) => other.name !== item.name))}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
      {!saved.value.length && <p class="soft">{t("Save a search, and it is a list of yours with its number.")}</p>}
      <form onSubmit={save}>
        <label for="saved-name">{t("Save this search as")}</label>
        <div class="pair">
          <input id="saved-name" value={name} onInput={(event) => setName(event.currentTarget.value)} autocomplete="off" />
          <button type="submit">{t("Save")}</button>
        </div>
      </form>
      <button type="button" onClick={() => copyLink()}>
        {t("Copy the link of this search")}
      </button>
    </nav>
  );
}

function isShown(wanted: Search): boolean {
  return JSON.stringify(wanted) === JSON.stringify(search.value);
}

function copyLink(): void {
  asking(navigator.clipboard.writeText(location.origin + linkTo(search.value)))
    .then(() => tell(t("Copied."), "good"))
    .catch((error: unknown) => tell(messageOf(error), "bad"));
}

/** The name under which the search that is shown is saved. */
export function nameOfSearch(): string {
  return saved.value.find((item) => isShown(item.search))?.name ?? "";
}
