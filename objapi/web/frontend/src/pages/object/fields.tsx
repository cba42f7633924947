// The fields of an object, each shown by its kind; those without a value are left out until asked for.
import { useState } from "preact/hooks";
import type { ObjectRead, Value } from "../../objapi";
import { labelOf } from "../../frame/labels";
import { n, t } from "../../frame/texts";
import { isEmpty, referred, shownValue } from "../../frame/values";
import { type FieldDescription, ordered } from "./description";
import { object, type } from "./object";

export function Fields() {
  const [all, showAll] = useState(false);
  const here = object.value;
  if (!here || !type) return null;
  const present = ordered(type.fields).filter((field) => field.name in here);
  const filled = present.filter((field) => !isEmpty(here[field.name]));
  const shown = all ? present : filled;
  return (
    <section aria-labelledby="fields-heading" class="part">
      <h2 id="fields-heading" class="hidden">{t("Fields")}</h2>
      <dl class="fields">
        {shown.map((field) => (
          <div key={field.name}>
            <dt>
              {labelOf(field)}
              {field.about && <small>{field.about}</small>}
            </dt>
            <dd>
              <FieldValue field={field} object={here} />
            </dd>
          </div>
        ))}
      </dl>
      {present.length > filled.length && (
        <button type="button" aria-pressed={all} onClick={() => showAll(!all)}>
          {all ? t("Hide empty fields") : n("Show {count} empty field", "Show {count} empty fields", present.length - filled.length)}
        </button>
      )}
    </section>
  );
}

function FieldValue({ field, object }: { field: FieldDescription; object: ObjectRead }) {
  const value = object[field.name];
  if (isEmpty(value)) return <span class="none">{t("none")}</span>;
  if (field.kind === "reference") return <References field={field} object={object} />;
  if (field.kind === "records" && Array.isArray(value)) return <Records rows={value as Record<string, Value>[]} />;
  if (field.kind === "record") return <Records rows={[value as Record<string, Value>]} />;
  if (field.kind === "file") return <File file={value as unknown as FileValue} />;
  if (field.kind === "boolean") return <>{value ? t("yes") : t("no")}</>;
  if (field.vocabulary && typeof value === "string") return <>{field.vocabulary[value] ?? value}</>;
  if (Array.isArray(value)) {
    return (
      <ul>
        {value.map((item, place) => (
          <li key={place}>{shownValue(item)}</li>
        ))}
      </ul>
    );
  }
  if (field.kind === "text") return <span class="text">{String(value)}</span>;
  return <>{shownValue(value as Value)}</>;
}

function References({ field, object }: { field: FieldDescription; object: ObjectRead }) {
  const links = referred(object, field.name).map((other) => (
    <a key={other.path} href={other.path}>
      {other.title}
    </a>
  ));
  if (links.length < 2) return <>{links[0] ?? t("not visible")}</>;
  return (
    <ul>
      {links.map((link) => (
        <li key={link.key}>{link}</li>
      ))}
    </ul>
  );
}

function Records({ rows }: { rows: Record<string, Value>[] }) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return (
    <div class="wide" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {names.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, place) => (
            <tr key={place}>
              {names.map((name) => (
                <td key={name}>{shownValue(row[name] ?? null)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface FileValue {
  filename: string;
  content_type: string;
  size: number;
  url: string;
}

function File({ file }: { file: FileValue }) {
  return (
    <a href={file.url} download={file.filename}>
      {file.filename || t("file")} ({file.content_type}, {n("{count} byte", "{count} bytes", file.size)})
    </a>
  );
}
