// Searches that the reader has saved, in this browser, with live numbers. A link passes one on to others.
import { useEffect, useState } from "preact/hooks";
import { asking, messageOf } from "../../frame/api";
import { tell } from "../../frame/notices";
import { SEARCHES } from "../../frame/remembered";
import { t } from "../../frame/texts";
import { counts, keep, recount, saved, stored } from "./kept";
import { linkTo, search } from "./result";
import { copied, type Search } from "./search";

export function SavedSearches() {
  const [name, setName] = useState("");
  useEffect(() => {
    const elsewhere = (event: StorageEvent) => {
      if (event.key === SEARCHES) saved.value = stored();
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
