// The rows as a table: a box to select each, the id as a link, and the columns that the worklist names.
import { labelOf } from "../../frame/labels";
import { n, t } from "../../frame/texts";
import { referred, shownValue } from "../../frame/values";
import type { ObjectRead } from "../../objapi";
import { more, next, outcomes, rows, selected, selectEverything, toggle, toggleAll, total } from "./rows";
import type { Column, Worklist } from "./worklist";

export function Rows({ list }: { list: Pick<Worklist, "query" | "columns"> }) {
  const all = rows.value.length > 0 && rows.value.every((row) => selected.value.has(row.UID));
  const some = selected.value.size > 0;
  const beyond = total.value > rows.value.length;
  return (
    <>
      {all && beyond && (
        <p class="hint">
          <button type="button" onClick={() => selectEverything(list.query)}>
            {n("Select all {count}", "Select all {count}", total.value)}
          </button>
        </p>
      )}
      <div class="wide">
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">
                <input
                  type="checkbox"
                  aria-label={t("Select all rows")}
                  checked={all}
                  ref={(box) => {
                    if (box) box.indeterminate = some && !all;
                  }}
                  onChange={(event) => toggleAll(event.currentTarget.checked)}
                />
              </th>
              <th scope="col">{t("Number")}</th>
              {list.columns.map((column) => (
                <th key={column.name} scope="col">
                  {labelOf(column)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.value.map((row) => (
              <Row key={row.UID} row={row} columns={list.columns} />
            ))}
          </tbody>
        </table>
      </div>
      {!rows.value.length && <p class="none">{t("There is nothing to do here.")}</p>}
      {next.value !== undefined && (
        <p>
          <button type="button" onClick={() => more(list.query)}>
            {t("More")}
          </button>{" "}
          <span class="soft">{t("{shown} of {total}", { shown: rows.value.length, total: total.value })}</span>
        </p>
      )}
    </>
  );
}

function Row({ row, columns }: { row: ObjectRead; columns: Column[] }) {
  const on = selected.value.has(row.UID);
  const outcome = outcomes.value.get(row.UID);
  const pick = (event: MouseEvent) => {
    if (event.target instanceof Element && event.target.closest("a, button")) return;
    event.preventDefault();
    // A box that is clicked has its new state only after this; so the rows decide.
    setTimeout(() => toggle(row.UID, event.shiftKey));
  };
  return (
    <tr class={on ? "on" : ""} onClick={pick} onMouseDown={(event) => event.shiftKey && event.preventDefault()}>
      <td>
        <input type="checkbox" checked={on} aria-label={t("Select {id}", { id: row.id })} onKeyDown={(event) => keyed(event, row.UID)} />
      </td>
      <th scope="row">
        <a href={row.path}>{row.id}</a>
        {outcome && !outcome.good && <span class="outcome bad">{outcome.text}</span>}
      </th>
      {columns.map((column) => (
        <td key={column.name} data-label={labelOf(column)}>
          <Cell row={row} column={column} />
        </td>
      ))}
    </tr>
  );
}

function keyed(event: KeyboardEvent, uid: string): void {
  const boxes = [...document.querySelectorAll<HTMLInputElement>("table.rows tbody input")];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    boxes[boxes.indexOf(event.currentTarget as HTMLInputElement) + step]?.focus();
  } else if (event.key === " ") {
    event.preventDefault();
    toggle(uid, event.shiftKey);
  }
}

function Cell({ row, column }: { row: ObjectRead; column: Column }) {
  const value = row[column.name];
  if (column.kind === "reference") {
    return (
      <>
        {referred(row, column.name).map((other, place) => (
          <span key={other.path}>
            {place > 0 && ", "}
            <a href={other.path}>{other.title}</a>
          </span>
        ))}
      </>
    );
  }
  if (typeof value === "string" && column.words) return <>{column.words[value] ?? value}</>;
  return <>{shownValue(value)}</>;
}
