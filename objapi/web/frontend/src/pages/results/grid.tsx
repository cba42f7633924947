// The sheet as a table of inputs that keys work as in a spreadsheet.
import type { ComponentProps, TargetedClipboardEvent, TargetedKeyboardEvent } from "preact";
import type { ObjectRead } from "../../objapi";
import { labelOf } from "../../frame/labels";
import { t } from "../../frame/texts";
import { referred, shownValue } from "../../frame/values";
import { type Choice, choicesOf, shownAs, valueInList, valueOf } from "./choices";
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
          {columnOf(row, column)}
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

function columnOf(row: ObjectRead, column: Column): string {
  const value = row[column.name];
  if (column.kind === "reference") return referred(row, column.name).map((other) => other.title).join(", ");
  return typeof value === "string" && column.words ? (column.words[value] ?? value) : shownValue(value);
}

function Entered({ cell, label }: { cell: Cell; label: string }) {
  const { row, part } = cell;
  if (!exists(cell)) return <td class="empty" />;
  const text = shown(cell);
  const key = keyOf(cell);
  const choices = part === RESULT ? choicesOf(row) : [];
  const marks = part === RESULT ? marksOf(row, text) : [];
  const told = marks.length > 0 && <Marks id={`mark-${row.UID}`} found={marks} />;
  if (!mayWrite(cell)) {
    return (
      <td class="number" data-label={label}>
        <span>{shownAs(cell, text)}</span>
        <Calculated row={row} part={part} text={text} />
        {told}
      </td>
    );
  }
  const fault = faults.value.has(row.UID) && drafts.value.has(key);
  const follows = part === RESULT && !drafts.value.has(key) && following.value.has(row.path);
  const says = [fault && `fault-${row.UID}`, marks.length > 0 && `mark-${row.UID}`].filter(Boolean).join(" ");
  const out = marks.some((mark) => mark.kind === "out");
  const marked = {
    class: [drafts.value.has(key) && "changed", follows && "follows", out && "out"].filter(Boolean).join(" "),
    "data-row": row.UID,
    "data-part": part,
    "aria-label": t("{name} of {title}", { name: label, title: row.title || row.id }),
    "aria-invalid": fault ? ("true" as const) : undefined,
    "aria-describedby": says || undefined,
  };
  return (
    <td class="number" data-label={label}>
      {choices.length > 0 ? (
        <Chosen cell={cell} text={text} choices={choices} marked={marked} />
      ) : (
        <input
          {...marked}
          value={text}
          autocomplete="off"
          spellcheck={false}
          onFocus={(event) => begin(event.currentTarget)}
          onDblClick={() => (within = true)}
          onInput={(event) => typed(cell, event.currentTarget.value)}
          onKeyDown={(event) => keyed(event, cell)}
          onPaste={(event) => pasted(event)}
        />
      )}
      <Calculated row={row} part={part} text={text} />
      {told}
    </td>
  );
}

/** A result that is one of a list. Letters choose among them, the space bar opens the list. */
function Chosen({ cell, text, choices, marked }: { cell: Cell; text: string; choices: Choice[]; marked: ComponentProps<"select"> }) {
  const value = valueInList(cell, text);
  const known = value === "" || choices.some((choice) => choice.value === value);
  return (
    <select
      {...marked}
      value={value}
      onFocus={(event) => begin(event.currentTarget)}
      onChange={(event) => typed(cell, event.currentTarget.value)}
      onKeyDown={(event) => keyed(event, cell)}
      onPaste={(event) => pasted(event)}
    >
      <option value="" />
      {!known && <option value={value}>{text}</option>}
      {choices.map((choice) => (
        <option key={choice.value} value={choice.value}>
          {choice.text}
        </option>
      ))}
    </select>
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

type Field = HTMLInputElement | HTMLSelectElement;

function begin(field: Field): void {
  within = false;
  before = field.value;
  selectText(field);
}

function selectText(field: Field): void {
  if (field instanceof HTMLInputElement) field.select();
}

function typed(cell: Cell, text: string): void {
  write(cell, text);
  planSoon();
}

function keyed(event: TargetedKeyboardEvent<Field>, cell: Cell): void {
  const field = event.currentTarget;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    event.preventDefault();
    typed(cell, before === shown(cell) ? stored(cell) : before);
    within = false;
    requestAnimationFrame(() => selectText(field));
  } else if (event.key === "F2") {
    event.preventDefault();
    within = !within;
    if (within && field instanceof HTMLInputElement) field.setSelectionRange(field.value.length, field.value.length);
    else selectText(field);
  } else {
    const step = stepOf(event);
    if (!step) return;
    event.preventDefault();
    go(field, step[0], step[1]);
  }
}

function stepOf(event: KeyboardEvent): [number, number] | null {
  if (event.key === "Enter") return [event.shiftKey ? -1 : 1, 0];
  if (event.shiftKey || within) return null;
  const steps: Record<string, [number, number]> = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  return steps[event.key] ?? null;
}

/** To the next cell in a direction that may be written. */
function go(from: Field, down: number, right: number): void {
  const all = [...document.querySelectorAll<Field>("table.sheet tbody :is(input, select)")];
  const same = all.filter((field) => (down ? field.dataset["part"] === from.dataset["part"] : field.dataset["row"] === from.dataset["row"]));
  const target = same[same.indexOf(from) + down + right];
  if (target) target.focus();
  else selectText(from);
}

/** Lines go down and tabs go right, over the cells that may be written. One value alone goes in as it is typed. */
function pasted(event: TargetedClipboardEvent<Field>): void {
  const text = (event.clipboardData?.getData("text/plain") ?? "").replace(/\r\n?/g, "\n").replace(/\n$/, "");
  if (!/[\n\t]/.test(text) && event.currentTarget instanceof HTMLInputElement) return;
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
      if (first + column < parts.length && mayWrite(cell)) write(cell, valueOf(cell, value.trim()));
    });
  });
  before = shown({ row: rows.value.find((row) => row.UID === uid) as ObjectRead, part });
  planSoon();
}
