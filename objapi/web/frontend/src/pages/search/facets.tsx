// Values that the objects found have, with their numbers: a click takes only those, another one all again.
import type { Value } from "../../objapi";
import { shownValue } from "../../frame/values";
import { t } from "../../frame/texts";
import { labelOfIndex, labelOfType } from "./builder";
import { words } from "./catalogs";
import { catalog, change, facets, search } from "./result";
import { isWide } from "./width";

export function Facets() {
  const able = catalog.value?.indexes.filter((index) => index.counted && !(index.name in facets.value)) ?? [];
  const shown = Object.entries(facets.value);
  const add = (select: HTMLSelectElement) => {
    const name = select.value;
    select.value = "";
    if (name) change({ facets: [...shown.map(([index]) => index), name] });
  };
  return (
    <section class="facets" aria-labelledby="facets-heading">
      <h2 id="facets-heading">{t("Counts")}</h2>
      {shown.map(([name, counted]) => (
        <details key={name} open={isWide()}>
          <summary>{labelOfIndex(name)}</summary>
          <ul>
            {counted.values.map(({ value, count, title }) => (
              <li key={String(value)}>
                <button type="button" aria-pressed={isTaken(name, value)} onClick={() => take(name, value)}>
                  <span>{labelOfValue(name, value, title)}</span> <b>{count}</b>
                </button>
              </li>
            ))}
          </ul>
          {!counted.values.length && <p class="none">{t("no values")}</p>}
          {counted.more && <p class="soft">{t("and others")}</p>}
          <button type="button" class="plain" onClick={() => change({ facets: shown.map(([index]) => index).filter((index) => index !== name) })}>
            {t("Do not count {index}", { index: labelOfIndex(name) })}
          </button>
        </details>
      ))}
      <label for="facets-add">{t("Count by")}</label>
      <select id="facets-add" onChange={(event) => add(event.currentTarget)}>
        <option value="">{t("Choose an index …")}</option>
        {able.map((index) => (
          <option key={index.name} value={index.name}>
            {labelOfIndex(index.name)} ({index.name})
          </option>
        ))}
      </select>
    </section>
  );
}

function labelOfValue(name: string, value: Value, title?: string): string {
  if (value === null) return t("without a value");
  if (title) return title;
  if (name === "portal_type") return labelOfType(String(value));
  return words.value[name]?.[String(value)] ?? (shownValue(value) || t("empty"));
}

function spelled(value: Value): string {
  return typeof value === "boolean" ? (value ? "1" : "0") : String(value);
}

function isTaken(name: string, value: Value): boolean {
  if (name === "portal_type" && search.value.type) return search.value.type === value;
  return search.value.criteria.some((item) => item.index === name && agrees(item.operator, item.values, value));
}

function agrees(operator: string, values: string[], value: Value): boolean {
  return value === null ? operator === "empty" : operator === "is" && values.length === 1 && values[0] === spelled(value);
}

function take(name: string, value: Value): void {
  if (isTaken(name, value)) {
    if (name === "portal_type" && search.value.type) change({ type: "", columns: null, facets: null });
    else change({ criteria: search.value.criteria.filter((item) => !(item.index === name && agrees(item.operator, item.values, value))) });
    return;
  }
  if (name === "portal_type" && value !== null) {
    change({ type: String(value), columns: null, facets: null });
    return;
  }
  // One value at a time: what was taken of this index before goes.
  const others = search.value.criteria.filter((item) => item.index !== name);
  const taken = value === null ? { operator: "empty", values: [] } : { operator: "is", values: [spelled(value)] };
  change({ criteria: [...others, { index: name, ...taken }] });
}
