// The sheet as a table of inputs that keys work as in a spreadsheet.
import type { TargetedClipboardEvent, TargetedKeyboardEvent } from "preact";
import type { ObjectRead } from "../../objapi";
import { labelOf } from "../../frame/labels";
import { t } from "../../frame/texts";
import { referred, shownValue } from "../../frame/values";
import { marksOf, rangeOf, shownRange } from "./limits";
import { faults, following, planSoon, shown } from "./saving";
import { type Cell, type Column, drafts, exists, inputColumns, keyOf, mayWrite, RESULT, rows, sheet, stored, write } from "./sheet";

/** Keys move from cell to cell; after F2 or a double click they move within the text. */
let within = false;
let before = "";

export function Grid() {
  if (!sheet) return null;
  const inputs = inputColumns.value;
  return (
    <div class="wide">
      <table class="sheet">
        <caption class="hidden">{t("Arrows and Enter move, F2 changes a text, Escape takes it back.")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("Title")}</th>
            {sheet.columns.map((column) => (
              <th key={column.name} scope="col">
                {labelOf(column)}
              </th>
            ))}
            {inputs.map((input) => (
              <th key={input.keyword} scope="col" class="entered">
                {input.title || input.keyword}
                {input.unit && <small> {input.unit}</small>}
              </th>
            ))}
            <th scope="col" class="entered">
              {labelOf(sheet.result)}
            </th>
            {sheet.range && <th scope="col">{t("Range")}</th>}
          </tr>
        </thead>
        <tbody>
          {rows.value.map((row) => (
            <Row key={row.UID} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ row }: { row: ObjectRead }) {
  const fault = faults.value.get(row.UID);
  return (
    <tr>
      <th scope="row">
        <a href={row.path}>{row.title || row.id}</a>
        {fault && (
          <p class="fault" id={`fault-${row.UID}`}>
            {fault}
          </p>
        )}
      </th>
      {sheet?.columns.map((column) => (
        <td key={column.name} data-label={labelOf(column)}>
          {told(row, column)}
        </td>
      ))}
      {inputColumns.value.map((input) => (
        <Entered key={input.keyword} cell={{ row, part: input.keyword }} label={input.title || input.keyword} />
      ))}
      <Entered cell={{ row, part: RESULT }} label={labelOf(sheet?.result ?? { name: "", title: "" })} />
      {sheet?.range && <td class="range" data-label={t("Range")}>{shownRange(rangeOf(row))}</td>}
    </tr>
  );
}

function told(row: ObjectRead, column: Column): string {
  const value = row[column.name];
  if (column.kind === "reference") return referred(row, column.name).map((other) => other.title).join(", ");
  return typeof value === "string" && column.words ? (column.words[value] ?? value) : shownValue(value);
}

function Entered({ cell, label }: { cell: Cell; label: string }) {
  const { row, part } = cell;
  if (!exists(cell)) return <td class="empty" />;
  const text = shown(cell);
  const key = keyOf(cell);
  const marks = part === RESULT ? marksOf(row, text) : [];
  const marked = marks.length > 0 && <Marks id={`mark-${row.UID}`} found={marks} />;
  if (!mayWrite(cell)) {
    return (
      <td class="number" data-label={label}>
        <span>{text}</span>
        <Calculated row={row} part={part} text={text} />
        {marked}
      </td>
    );
  }
  const fault = faults.value.has(row.UID) && drafts.value.has(key);
  const follows = part === RESULT && !drafts.value.has(key) && following.value.has(row.path);
  const says = [fault && `fault-${row.UID}`, marks.length > 0 && `mark-${row.UID}`].filter(Boolean).join(" ");
  const out = marks.some((mark) => mark.kind === "out");
  return (
    <td class="number" data-label={label}>
      <input
        class={[drafts.value.has(key) && "changed", follows && "follows", out && "out"].filter(Boolean).join(" ")}
        value={text}
        data-row={row.UID}
        data-part={part}
        aria-label={t("{name} of {title}", { name: label, title: row.title || row.id })}
        aria-invalid={fault ? "true" : undefined}
        aria-describedby={says || undefined}
        autocomplete="off"
        spellcheck={false}
        onFocus={(event) => begin(event.currentTarget)}
        onDblClick={() => (within = true)}
        onInput={(event) => typed(cell, event.currentTarget.value)}
        onKeyDown={(event) => keyed(event, cell)}
        onPaste={(event) => pasted(event)}
      />
      <Calculated row={row} part={part} text={text} />
      {marked}
    </td>
  );
}

function Calculated({ row, part, text }: { row: ObjectRead; part: string; text: string }) {
  const follows = !drafts.value.has(keyOf({ row, part })) && following.value.has(row.path);
  const calculated = sheet?.calculated ? row[sheet.calculated] : null;
  if (part !== RESULT || text === "" || !(follows || calculated === text)) return null;
  return <span class="note">{t("calculated")}</span>;
}

function Marks({ id, found }: { id: string; found: { kind: string; text: string }[] }) {
  return (
    <span id={id} class="marks">
      {found.map((mark) => (
        <span key={mark.text} class={`mark ${mark.kind}`}>
          {mark.text}
        </span>
      ))}
    </span>
  );
}

function begin(input: HTMLInputElement): void {
  within = false;
  before = input.value;
  input.select();
}

function typed(cell: Cell, text: string): void {
  write(cell, text);
  planSoon();
}

function keyed(event: TargetedKeyboardEvent<HTMLInputElement>, cell: Cell): void {
  const input = event.currentTarget;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    event.preventDefault();
    typed(cell, before === shown(cell) ? stored(cell) : before);
    within = false;
    requestAnimationFrame(() => input.select());
  } else if (event.key === "F2") {
    event.preventDefault();
    within = !within;
    if (within) input.setSelectionRange(input.value.length, input.value.length);
    else input.select();
  } else {
    const step = stepOf(event);
    if (!step) return;
    event.preventDefault();
    go(input, step[0], step[1]);
  }
}

function stepOf(event: KeyboardEvent): [number, number] | null {
  if (event.key === "Enter") return [event.shiftKey ? -1 : 1, 0];
  if (event.shiftKey || within) return null;
  const steps: Record<string, [number, number]> = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  return steps[event.key] ?? null;
}

/** To the next cell in a direction that may be written. */
function go(from: HTMLInputElement, down: number, right: number): void {
  const all = [...document.querySelectorAll<HTMLInputElement>("table.sheet tbody input")];
  const same = all.filter((input) => (down ? input.dataset["part"] === from.dataset["part"] : input.dataset["row"] === from.dataset["row"]));
  const target = same[same.indexOf(from) + down + right];
  if (target) target.focus();
  else from.select();
}

/** Lines go down and tabs go right, over the cells that may be written. One value alone goes in as it is typed. */
function pasted(event: TargetedClipboardEvent<HTMLInputElement>): void {
  const text = (event.clipboardData?.getData("text/plain") ?? "").replace(/\r\n?/g, "\n").replace(/\n$/, "");
  if (!/[\n\t]/.test(text)) return;
  event.preventDefault();
  const { row: uid = "", part = "" } = event.currentTarget.dataset;
  const parts = [...inputColumns.value.map((input) => input.keyword), RESULT];
  const first = parts.indexOf(part);
  // A row without the column is passed over, so that a column of a list falls on the rows that have it.
  const free = rows.value.slice(rows.value.findIndex((row) => row.UID === uid)).filter((row) => mayWrite({ row, part }));
  text.split("\n").forEach((line, place) => {
    const row = free[place];
    if (!row) return;
    line.split("\t").forEach((value, column) => {
      const cell = { row, part: parts[first + column] ?? "-" };
      if (first + column < parts.length && mayWrite(cell)) write(cell, value.trim());
    });
  });
  before = shown({ row: rows.value.find((row) => row.UID === uid) as ObjectRead, part });
  planSoon();
}
