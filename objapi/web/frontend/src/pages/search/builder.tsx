// The search as a form: type and catalog, and criteria, each an index, a way to ask it, and a value that suits both.
import { useState } from "preact/hooks";
import type { Page, Value } from "../../objapi";
import { api } from "../../frame/api";
import { labelOf } from "../../frame/labels";
import { t } from "../../frame/texts";
import { type Catalog, catalogFor, catalogs, type Index, titleOfIndex, types, words } from "./catalogs";
import { catalog, change, query, refusal, search } from "./result";
import { copied, type Criterion, isDated, isNumber, isTruth, operatorsOf, takesLines, takesNothing } from "./search";

const RECENT = ["today", "yesterday", "this-week", "this-month", "this-year"];

export function Builder() {
  const wanted = search.value;
  const found = catalog.value;
  const pickType = (type: string) => {
    const into = type ? catalogFor(type, wanted.catalog) : wanted.catalog;
    change({ type, catalog: into, columns: null, facets: null, ...kept(into) });
  };
  return (
    <form class="builder" aria-label={t("Search")} onSubmit={(event) => (event.preventDefault(), change({}))}>
      <div class="pair">
        <div>
          <label for="search-type">{t("Type")}</label>
          <select id="search-type" value={wanted.type} onChange={(event) => pickType(event.currentTarget.value)}>
            <option value="">{t("All types")}</option>
            {[...types.value]
              .sort((one, other) => labelOfType(one.portal_type).localeCompare(labelOfType(other.portal_type)))
              .map((type) => (
                <option key={type.portal_type} value={type.portal_type}>
                  {labelOfType(type.portal_type)}
                </option>
              ))}
          </select>
        </div>
        <div>
          <label for="search-catalog">{t("Catalog")}</label>
          <select
            id="search-catalog"
            value={wanted.catalog}
            onChange={(event) => change({ catalog: event.currentTarget.value, facets: null, ...kept(event.currentTarget.value) })}
          >
            {catalogs.value
              .filter((item) => !wanted.type || item.types.includes(wanted.type))
              .map((item) => (
                <option key={item.name} value={item.name}>
                  {item.title && item.title !== item.name ? `${item.title} (${item.name})` : item.name}
                </option>
              ))}
          </select>
        </div>
      </div>
      {found && wanted.criteria.map((criterion, place) => <Row key={place} place={place} criterion={criterion} catalog={found} />)}
      {found && <Add catalog={found} />}
      {refusal.value && (
        <p class="fault" role="alert">
          {refusal.value}
        </p>
      )}
    </form>
  );
}

export function labelOfType(name: string): string {
  const title = types.value.find((type) => type.portal_type === name)?.title || name;
  return labelOf({ name: title, title: "" });
}

/** Criteria and order, as far as another catalog has their indexes. */
function kept(into: string) {
  const names = new Set(catalogs.value.find((item) => item.name === into)?.indexes.map((index) => index.name));
  const wanted = search.value;
  return { criteria: wanted.criteria.filter((item) => names.has(item.index)), sort: names.has(wanted.sort) ? wanted.sort : "" };
}

/** `getClientTitle` is "Client title". */
export function labelOfIndex(name: string): string {
  return labelOf({ name: name.replace(/^get(?=[A-Z])/, ""), title: titleOfIndex(name) });
}

function groupOf(index: Index): string {
  if (isDated(index) || index.kind === "date_range") return t("Dates");
  if (isTruth(index)) return t("Yes or no");
  if (isNumber(index)) return t("Numbers");
  const named: Record<string, string> = { keyword: t("Several words each"), text: t("Words in texts"), uuid: t("Other objects"), path: t("Place"), code: t("Labels") };
  return named[index.kind] ?? t("Texts");
}

/** The indexes by their kinds, as options of a list. */
function Indexes({ catalog: found }: { catalog: Catalog }) {
  const groups = new Map<string, Index[]>();
  for (const index of found.indexes) {
    if (operatorsOf(index).length) groups.set(groupOf(index), [...(groups.get(groupOf(index)) ?? []), index]);
  }
  return (
    <>
      {[...groups].map(([title, indexes]) => (
        <optgroup key={title} label={title}>
          {indexes.map((index) => (
            <option key={index.name} value={index.name}>
              {labelOfIndex(index.name)} ({index.name})
            </option>
          ))}
        </optgroup>
      ))}
    </>
  );
}

function Add({ catalog: found }: { catalog: Catalog }) {
  const add = (select: HTMLSelectElement) => {
    const index = found.indexes.find((item) => item.name === select.value);
    select.value = "";
    const [operator] = index ? operatorsOf(index) : [];
    if (!index || !operator) return;
    change({ criteria: [...search.value.criteria, { index: index.name, operator, values: isTruth(index) ? ["1"] : [] }] });
    requestAnimationFrame(() => document.querySelector<HTMLElement>(".criterion:last-of-type select")?.focus());
  };
  return (
    <p class="add">
      <label for="search-add">{t("Add a criterion")}</label>
      <select id="search-add" onChange={(event) => add(event.currentTarget)}>
        <option value="">{t("Choose an index …")}</option>
        <Indexes catalog={found} />
      </select>
    </p>
  );
}

function operatorLabel(operator: string): string {
  const labels: Record<string, string> = {
    is: t("is"),
    any: t("is one of"),
    not: t("is none of"),
    all: t("has all of"),
    contains: t("contains"),
    startswith: t("begins with"),
    gt: t("greater than"),
    ge: t("at least"),
    lt: t("less than"),
    le: t("at most"),
    since: t("within the last"),
    recent: t("in the time"),
    empty: t("is empty"),
    filled: t("has a value"),
  };
  return labels[operator] ?? operator;
}

function datedLabel(operator: string): string {
  return { ge: t("from"), lt: t("before") }[operator] ?? operatorLabel(operator);
}

interface RowOf {
  place: number;
  criterion: Criterion;
  catalog: Catalog;
}

function Row({ place, criterion, catalog: found }: RowOf) {
  const index = found.indexes.find((item) => item.name === criterion.index);
  const put = (part: Partial<Criterion>) => {
    const criteria = copied(search.value).criteria.map((item, at) => (at === place ? { ...item, ...part } : item));
    change({ criteria });
  };
  if (!index) return null;
  const label = labelOfIndex(index.name);
  const choose = (operator: string) => put({ operator, values: takesLines(operator) ? criterion.values : criterion.values.slice(0, 1) });
  return (
    <fieldset class="criterion">
      <legend>
        {label} <small>{index.name}</small>
      </legend>
      <select aria-label={t("How {index} is compared", { index: label })} value={criterion.operator} onChange={(event) => choose(event.currentTarget.value)}>
        {operatorsOf(index).map((operator) => (
          <option key={operator} value={operator}>
            {isDated(index) ? datedLabel(operator) : operatorLabel(operator)}
          </option>
        ))}
      </select>
      {!takesNothing(criterion.operator) && <Entry id={`search-${place}`} index={index} criterion={criterion} label={label} put={put} />}
      <button
        type="button"
        class="plain"
        aria-label={t("Remove the criterion {index}", { index: label })}
        onClick={() => change({ criteria: search.value.criteria.filter((_, at) => at !== place) })}
      >
        ×
      </button>
    </fieldset>
  );
}

interface EntryOf {
  id: string;
  index: Index;
  criterion: Criterion;
  label: string;
  put: (part: Partial<Criterion>) => void;
}

function Entry({ id, index, criterion, label, put }: EntryOf) {
  const [known, setKnown] = useState<{ value: string; title: string }[]>([]);
  const value = criterion.values[0] ?? "";
  const set = (text: string) => put({ values: [text] });
  if (isTruth(index)) return <Choice label={label} value={value} options={[["1", t("yes")], ["0", t("no")]]} set={set} />;
  if (criterion.operator === "recent") {
    const options = RECENT.map((word): [string, string] => [word, recentLabel(word)]);
    return <Choice label={label} value={value} options={[["", ""], ...options]} set={set} />;
  }
  if (takesLines(criterion.operator)) {
    return (
      <textarea
        aria-label={t("{index}, a value on each line", { index: label })}
        rows={Math.max(2, criterion.values.length)}
        value={criterion.values.join("\n")}
        onChange={(event) => put({ values: event.currentTarget.value.split("\n") })}
      />
    );
  }
  const dated = (isDated(index) && criterion.operator !== "since") || index.kind === "date_range";
  const suggest = index.counted && !known.length && criterion.operator === "is" ? () => void suggestions(index).then(setKnown) : undefined;
  return (
    <span class="entry">
      <input
        aria-label={label}
        type={dated ? "date" : "text"}
        inputMode={isNumber(index) ? "decimal" : undefined}
        list={known.length ? `${id}-known` : undefined}
        placeholder={criterion.operator === "since" ? t("such as 2d, 3w, 1d6h") : undefined}
        autocomplete="off"
        value={value}
        onFocus={suggest}
        onChange={(event) => set(event.currentTarget.value)}
      />
      {known.length > 0 && (
        <datalist id={`${id}-known`}>
          {known.map((item) => (
            <option key={item.value} value={item.value} label={item.title} />
          ))}
        </datalist>
      )}
      {index.kind === "path" && (
        <Choice
          label={t("How deep")}
          value={criterion.depth ?? ""}
          options={[["", t("with all below")], ["1", t("its direct contents")], ["2", t("two levels below")], ["0", t("itself alone")]]}
          set={(depth) => put({ depth })}
        />
      )}
    </span>
  );
}

function recentLabel(word: string): string {
  const labels: Record<string, string> = {
    today: t("today"),
    yesterday: t("yesterday or today"),
    "this-week": t("last 7 days"),
    "this-month": t("last 30 days"),
    "this-year": t("last 365 days"),
  };
  return labels[word] ?? word;
}

function Choice({ label, value, options, set }: { label: string; value: string; options: [string, string][]; set: (value: string) => void }) {
  return (
    <select aria-label={label} value={value} onChange={(event) => set(event.currentTarget.value)}>
      {options.map(([key, title]) => (
        <option key={key} value={key}>
          {title}
        </option>
      ))}
    </select>
  );
}

/** Values that the index has among what the type has, the most frequent first. Without them one types what one knows. */
async function suggestions(index: Index): Promise<{ value: string; title: string }[]> {
  const { catalog_name, portal_type } = query.value;
  const asked = { catalog_name, ...(portal_type ? { portal_type } : {}), facets: [index.name], count_only: true };
  const answer = await api.read(asked).catch((): Page | null => null);
  const values = answer?.facets?.[index.name]?.values ?? [];
  const titled = (value: Value, title?: string) => title ?? words.value[index.name]?.[String(value)] ?? "";
  return values.filter(({ value }) => value !== null).map(({ value, title }) => ({ value: String(value), title: titled(value, title) }));
}
