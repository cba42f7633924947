// All that saving would do, before it is done; and what two people have changed at once, with a choice for each.
import { useEffect, useRef } from "preact/hooks";
import type { Value } from "../../objapi";
import { Disagreements, Heads } from "../../frame/disagreements";
import { labelOf } from "../../frame/labels";
import { n, t } from "../../frame/texts";
import { isEmpty, shownValue } from "../../frame/values";
import { busy, decide, disagreements, plan, reviewing, save } from "./saving";
import { shownAs } from "./choices";
import { nameOfField } from "./names";
import { entries, inputColumns, keyOf, RESULT, rows, sheet } from "./sheet";

type Line = { field: string; old: string; new: string };

export function Review() {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const changes = plan.value?.changes ?? [];
  return (
    <section class="review" aria-labelledby="review-heading">
      <h2 id="review-heading" ref={heading} tabIndex={-1}>
        {t("What will be saved")}
      </h2>
      <div class="wide" tabIndex={0} role="group" aria-labelledby="review-heading">
        <table>
          <Heads titles={[t("Object"), t("Field"), t("Before"), t("After")]} />
          <tbody>
            {changes.map((change) => {
              const lines = [...(change.fields ?? []).flatMap((field) => linesOf(change.path, field)), ...(change.states ?? []).map(lineOfState)];
              return lines.map((line, place) => (
                <tr key={`${change.path} ${line.field}`}>
                  {place === 0 && (
                    <th scope="rowgroup" rowSpan={lines.length}>
                      {nameOf(change.path)}
                    </th>
                  )}
                  <td>{line.field}</td>
                  <td>{line.old}</td>
                  <td>
                    <b>{line.new}</b>
                  </td>
                </tr>
              ));
            })}
          </tbody>
        </table>
      </div>
      <div class="saving">
        <button type="button" class="main" disabled={busy.value} onClick={save}>
          {n("Save {count} row", "Save {count} rows", entries().length)}
        </button>
        <button type="button" onClick={() => (reviewing.value = false)}>
          {t("Go on typing")}
        </button>
      </div>
    </section>
  );
}

function nameOf(path: string): string {
  const row = rows.value.find((item) => item.path === path);
  return row?.title || path.split("/").slice(-2).join("/");
}

type Records = Record<string, Value>[];

/** A field of inputs is told input by input, those that change; any other field as one. */
function linesOf(path: string, change: { field: string; old: Value; new: Value }): Line[] {
  const row = rows.value.find((item) => item.path === path);
  if (row && change.field === sheet?.result.name) {
    const cell = { row, part: RESULT };
    return [{ field: labelOf(sheet.result), old: shownAs(cell, told(change.old)), new: shownAs(cell, told(change.new)) }];
  }
  if (change.field !== sheet?.inputs) {
    return [{ field: nameOfField(change.field), old: told(change.old), new: told(change.new) }];
  }
  const earlier = new Map(((change.old ?? []) as Records).map((record) => [record["keyword"], record]));
  return ((change.new ?? []) as Records).flatMap((record) => {
    const old = told(earlier.get(record["keyword"])?.["value"]);
    const now = told(record["value"]);
    return old === now ? [] : [{ field: shownValue(record["title"] || record["keyword"]), old, new: now }];
  });
}

function lineOfState(change: { variable: string; old: string | null; new: string | null }): Line {
  return { field: labelOf({ name: change.variable, title: "" }), old: change.old ?? "", new: change.new ?? "" };
}

/** Records are read as the words and numbers in them. */
function told(value: Value | undefined): string {
  if (isEmpty(value)) return "";
  if (Array.isArray(value)) return value.map(told).join(", ");
  return typeof value === "object" ? Object.values(value).map(told).filter(Boolean).join(" ") : shownValue(value);
}

export function Conflicts() {
  const differences = disagreements.value.map((item) => ({
    key: keyOf(item.cell),
    names: [item.cell.row.title || item.cell.row.id, fieldOf(item.cell.part)],
    before: shownAs(item.cell, item.before),
    theirs: shownAs(item.cell, item.theirs),
    mine: shownAs(item.cell, item.mine),
    take: () => decide(item, false),
    keep: () => decide(item, true),
  }));
  return <Disagreements id="conflicts-heading" heads={[t("Object"), t("Field")]} found={differences} />;
}

function fieldOf(part: string): string {
  if (part === RESULT) return labelOf(sheet?.result ?? { name: "", title: "" });
  return inputColumns.value.find((input) => input.keyword === part)?.title || part;
}
