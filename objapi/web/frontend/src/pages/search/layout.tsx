// Order and columns of the result.
import { labelOf } from "../../frame/labels";
import { t } from "../../frame/texts";
import { labelOfIndex } from "./builder";
import { columnsOffered } from "./catalogs";
import { catalog, change, columns, search } from "./result";

export function Layout() {
  const found = catalog.value;
  if (!found) return null;
  const shown = columns.value.map((column) => column.name);
  const choices = columnsOffered(found);
  const toggle = (name: string, on: boolean) => change({ columns: on ? [...shown, name] : shown.filter((other) => other !== name) });
  return (
    <div class="layout">
      <label for="search-sort">{t("Sorted by")}</label>
      <select id="search-sort" value={search.value.sort} onChange={(event) => change({ sort: event.currentTarget.value })}>
        <option value="">{t("the usual order")}</option>
        {found.indexes
          .filter((index) => index.sortable)
          .map((index) => (
            <option key={index.name} value={index.name}>
              {labelOfIndex(index.name)} ({index.name})
            </option>
          ))}
      </select>
      <label class="box">
        <input type="checkbox" checked={search.value.descending} disabled={!search.value.sort} onChange={(event) => change({ descending: event.currentTarget.checked })} />{" "}
        {t("descending")}
      </label>
      <details class="columns">
        <summary>{t("Columns")}</summary>
        <fieldset>
          <legend class="hidden">{t("Columns")}</legend>
          {choices.map((choice) => (
            <label key={choice.name} class="box">
              <input type="checkbox" checked={shown.includes(choice.name)} onChange={(event) => toggle(choice.name, event.currentTarget.checked)} /> {labelOf(choice)}
            </label>
          ))}
        </fieldset>
      </details>
    </div>
  );
}
