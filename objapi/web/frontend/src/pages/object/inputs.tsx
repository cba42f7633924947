// One input for each kind of field.
import type { ObjectRead, Value } from "../../objapi";
import { labelOf } from "../../frame/labels";
import { t } from "../../frame/texts";
import { isEmpty, listed } from "../../frame/values";
import type { FieldDescription } from "./description";
import { Checklist } from "./checklist";
import { References } from "./references";

export interface InputOf {
  id: string;
  field: FieldDescription;
  value: Value | File;
  object: ObjectRead;
  /** Where objects that a reference may lead to are looked for first. */
  within: string;
  invalid: boolean;
  describedBy: string | undefined;
  change: (value: Value | File) => void;
}

export function Input(asked: InputOf) {
  const { field } = asked;
  if (field.kind === "reference") return field.multi && field.required ? <Checklist {...asked} /> : <References {...asked} />;
  if (field.kind === "file") return <FileInput {...asked} />;
  if (field.kind === "record") return <Parts {...asked} />;
  if (field.kind === "records") return <Records {...asked} />;
  if (field.kind === "boolean") return <Flag {...asked} />;
  if (field.vocabulary) return field.kind === "lines" ? <Choices {...asked} /> : <Choice {...asked} />;
  if (field.kind === "text" || field.kind === "lines" || field.kind === "json") return <Area {...asked} />;
  return <Line {...asked} />;
}

function marks({ id, field, invalid, describedBy }: InputOf) {
  return {
    id,
    required: field.required,
    "aria-invalid": invalid ? ("true" as const) : undefined,
    "aria-describedby": describedBy,
  };
}

const NUMBERS = ["integer", "number", "fixedpoint"];

function Line(asked: InputOf) {
  const { field, value, change } = asked;
  const isDate = field.kind === "datetime";
  // Dates come in the site's time zone, and are in it when they are sent without one.
  const shown = isEmpty(value as Value) ? "" : isDate ? String(value).slice(0, 16) : String(value);
  const written = (text: string) => change(isDate ? (sameMinute(text, value) ? (value as Value) : text || null) : text);
  if (isDate) {
    return <input {...marks(asked)} type="datetime-local" value={shown} onInput={(event) => written(event.currentTarget.value)} />;
  }
  const keys = NUMBERS.includes(field.kind) ? "decimal" : "text";
  return <input {...marks(asked)} inputMode={keys} value={shown} onInput={(event) => written(event.currentTarget.value)} />;
}

function sameMinute(text: string, value: Value | File): boolean {
  return typeof value === "string" && value.slice(0, 16) === text;
}

function Area(asked: InputOf) {
  const { field, value, change } = asked;
  const text = () => {
    if (field.kind === "lines") return listed(value as Value).join("\n");
    if (field.kind === "json") return typeof value === "string" ? value : JSON.stringify(value, null, 1);
    return isEmpty(value as Value) ? "" : String(value);
  };
  const written = (typed: string) => {
    if (field.kind === "lines") return change(typed === "" ? [] : typed.split("\n"));
    if (field.kind !== "json") return change(typed);
    try {
      return change(JSON.parse(typed) as Value);
    } catch {
      return change(typed);
    }
  };
  const rows = Math.min(12, Math.max(2, text().split("\n").length));
  return <textarea {...marks(asked)} rows={rows} value={text()} onInput={(event) => written(event.currentTarget.value)} />;
}

function Choice(asked: InputOf) {
  const { field, value, change } = asked;
  const words = Object.entries(field.vocabulary ?? {});
  const text = isEmpty(value as Value) ? "" : String(value);
  const number = field.kind === "integer";
  return (
    <select {...marks(asked)} value={text} onChange={(event) => change(event.currentTarget.value && number ? Number(event.currentTarget.value) : event.currentTarget.value)}>
      {(!field.required || text === "") && <option value="" />}
      {text !== "" && !(text in (field.vocabulary ?? {})) && <option value={text}>{text}</option>}
      {words.map(([word, title]) => (
        <option key={word} value={word}>
          {title || word}
        </option>
      ))}
    </select>
  );
}

/** Any of a few words. */
function Choices(asked: InputOf) {
  const { id, field, value, change } = asked;
  const chosen = listed(value as Value);
  const words = [...new Set([...Object.keys(field.vocabulary ?? {}), ...chosen])];
  const put = (word: string, on: boolean) => change(words.filter((other) => (other === word ? on : chosen.includes(other))));
  return (
    <div class="ticks" role="group" aria-labelledby={`${id}-label`}>
      {words.map((word, place) => (
        <label key={word} class="tick">
          <input {...(place === 0 ? marks(asked) : {})} required={false} type="checkbox" checked={chosen.includes(word)} onChange={(event) => put(word, event.currentTarget.checked)} />{" "}
          {field.vocabulary?.[word] || word}
        </label>
      ))}
    </div>
  );
}

function Flag(asked: InputOf) {
  return (
    <input {...marks(asked)} type="checkbox" checked={asked.value === true} onChange={(event) => asked.change(event.currentTarget.checked)} />
  );
}

function FileInput(asked: InputOf) {
  const { value, change } = asked;
  const stored = !(value instanceof File) && !isEmpty(value) ? (value as unknown as { filename: string; url: string }) : null;
  return (
    <>
      {stored && (
        <p>
          <a href={stored.url} download={stored.filename}>
            {stored.filename}
          </a>
        </p>
      )}
      <input {...marks(asked)} type="file" onChange={(event) => event.currentTarget.files?.[0] && change(event.currentTarget.files[0])} />
    </>
  );
}

type Row = Record<string, Value>;

function titleOf(field: FieldDescription, name: string): string {
  const title = labelOf({ name, title: "" });
  return field.required_subfields?.includes(name) ? t("{name} (required)", { name: title }) : title;
}

/** One record: its parts below each other. */
function Parts(asked: InputOf) {
  const { id, field, value, change } = asked;
  const row = (value as Row | null) ?? {};
  const names = field.subfields?.length ? field.subfields : Object.keys(row);
  return (
    <div class="parts-of" role="group" aria-labelledby={`${id}-label`}>
      {names.map((name, place) => (
        <label key={name}>
          {titleOf(field, name)}
          <input
            {...(place === 0 ? marks(asked) : {})}
            value={isEmpty(row[name]) ? "" : String(row[name])}
            onInput={(event) => change({ ...row, [name]: event.currentTarget.value })}
          />
        </label>
      ))}
    </div>
  );
}

function Records(asked: InputOf) {
  const { id, field, value, change } = asked;
  const rows = (value as Row[] | null) ?? [];
  const names = field.subfields?.length ? field.subfields : [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const put = (place: number, name: string, text: string) => change(rows.map((row, other) => (other === place ? { ...row, [name]: text } : row)));
  return (
    <div class="wide" role="group" aria-labelledby={`${id}-label`}>
      {rows.length > 0 && (
        <table>
          <thead>
            <tr>
              {names.map((name) => (
                <th key={name} scope="col">
                  {titleOf(field, name)}
                </th>
              ))}
              <td />
            </tr>
          </thead>
          <tbody>
            {rows.map((row, place) => (
              <tr key={place}>
                {names.map((name, column) => (
                  <td key={name}>
                    <input
                      {...(place === 0 && column === 0 ? marks(asked) : {})}
                      aria-label={t("{name}, row {row}", { name: labelOf({ name, title: "" }), row: place + 1 })}
                      value={isEmpty(row[name]) ? "" : String(row[name])}
                      onInput={(event) => put(place, name, event.currentTarget.value)}
                    />
                  </td>
                ))}
                <td>
                  <button type="button" aria-label={t("Remove row {row}", { row: place + 1 })} onClick={() => change(rows.filter((_, other) => other !== place))}>
                    ×
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <button type="button" {...(rows.length ? {} : { id, "aria-describedby": asked.describedBy })} onClick={() => change([...rows, {}])}>
        {t("Add a row")}
      </button>
    </div>
  );
}
