// The trial of a file row by row: what changes from what to what, what is new, what cannot be done and why.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Disagreements } from "../../frame/disagreements";
import { n, t } from "../../frame/texts";
import { labelOf } from "../../frame/labels";
import { apply, busy, decide, type Done, kind, led, OBJECTS, refused, type Refused, refusedCount, rows, type Told, trial } from "./sent";

const SHOWN = 100;

export function Trial() {
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useSignal(SHOWN);
  useEffect(() => {
    if (led.value) heading.current?.focus();
  }, [led.value]);
  const told = trial.value;
  if (!told) return null;
  const lines = [...rows.value, ...refused.value].sort((one, other) => one.row - other.row);
  const others = (told.plan?.changes ?? []).filter((change) => change.row === undefined).length;
  return (
    <section class="review" aria-labelledby="trial-heading">
      <h2 id="trial-heading" ref={heading} tabIndex={-1}>
        {t("What the file does")}
      </h2>
      <p>{summary(told).join(" · ")}</p>
      {others > 0 && <p class="soft">{n("{count} further object changes with them.", "{count} further objects change with them.", others)}</p>}
      {(told.warnings ?? []).map((warning) => (
        <p key={warning} class="soft">
          {warning}
        </p>
      ))}
      {lines.length > 0 && (
        <div class="wide" tabIndex={0} role="group" aria-labelledby="trial-heading">
          {kind.value === OBJECTS ? <Objects lines={lines.slice(0, shown.value)} /> : <Results lines={lines.slice(0, shown.value)} />}
        </div>
      )}
      {lines.length > shown.value && (
        <p>
          <button type="button" onClick={() => (shown.value += 5 * SHOWN)}>
            {t("More")}
          </button>{" "}
          <span class="soft">{t("{shown} of {total}", { shown: shown.value, total: lines.length })}</span>
        </p>
      )}
      <LeftOut told={told} />
      <div class="saving">
        <button type="button" class="main" disabled={busy.value || !rows.value.length} onClick={() => void apply()}>
          {n("Write {count} row", "Write {count} rows", rows.value.length)}
        </button>
        {refusedCount.value > 0 && rows.value.length > 0 && (
          <span class="soft">{n("The {count} that cannot be done is left as it is.", "The {count} that cannot be done are left as they are.", refusedCount.value)}</span>
        )}
        {!rows.value.length && <span class="soft">{t("There is nothing to be written.")}</span>}
      </div>
    </section>
  );
}

function summary(told: Told): string[] {
  const created = (told.rows ?? []).filter((row) => row.event === "create").length;
  const updated = (told.rows ?? []).length - created;
  const found: string[] = [];
  if (told.results) found.push(n("{count} result is entered", "{count} results are entered", told.results.length));
  if (updated) found.push(n("{count} row changes", "{count} rows change", updated));
  if (created) found.push(n("{count} row is new", "{count} rows are new", created));
  if (told.unchanged) found.push(n("{count} row is as it was", "{count} rows are as they were", told.unchanged));
  if (refusedCount.value) found.push(n("{count} cannot be done", "{count} cannot be done", refusedCount.value));
  return found;
}

function isRefused(line: Done | Refused): line is Refused {
  return "message" in line;
}

function Objects({ lines }: { lines: (Done | Refused)[] }) {
  return (
    <table class="trial">
      <thead>
        <tr>
          <th scope="col">{t("Row")}</th>
          <th scope="col">{t("Object")}</th>
          <th scope="col">{t("Field")}</th>
          <th scope="col">{t("Before")}</th>
          <th scope="col">{t("After")}</th>
        </tr>
      </thead>
      <tbody>{lines.map((line) => (isRefused(line) ? <RefusedRow key={line.row} line={line} span={3} /> : <DoneRow key={line.row} line={line} />))}</tbody>
    </table>
  );
}

function DoneRow({ line }: { line: Done }) {
  const fields = line.fields?.length ? line.fields : [{ field: "", old: "", new: "" }];
  return (
    <>
      {fields.map((cell, place) => (
        <tr key={cell.field}>
          {place === 0 && (
            <>
              <th scope="rowgroup" rowSpan={fields.length}>
                {line.row}
              </th>
              <td rowSpan={fields.length}>{line.event === "create" ? <b class="new">{t("new")}</b> : <a href={line.path}>{nameOf(line.path)}</a>}</td>
            </>
          )}
          <td>{cell.field}</td>
          <td class="text">{cell.old}</td>
          <td class="text">
            <b>{cell.new}</b>
          </td>
        </tr>
      ))}
    </>
  );
}

function RefusedRow({ line, span }: { line: Refused; span: number }) {
  return (
    <tr class="refused">
      <th scope="row">{line.row}</th>
      <td>{line.path && <a href={line.path}>{nameOf(line.path)}</a>}</td>
      <td colSpan={span}>
        <Causes refused={line} />
      </td>
    </tr>
  );
}

/** Why a row cannot be done. The row stands beside it already. */
function Causes({ refused: line }: { refused: Refused }) {
  const causes = line.errors?.length ? line.errors : [{ message: line.message }];
  return (
    <>
      {causes.map((cause) => (
        <span key={cause.message} class="fault">
          {cause.message.replace(new RegExp(`^row ${line.row}(, |: )`), "").replace(/^column (.+?): (?=\1: )/, "")}
        </span>
      ))}
    </>
  );
}

function Results({ lines }: { lines: (Done | Refused)[] }) {
  return (
    <table class="trial">
      <thead>
        <tr>
          <th scope="col">{t("Row")}</th>
          <th scope="col">{t("Sample")}</th>
          <th scope="col">{t("Test")}</th>
          <th scope="col">{t("Result")}</th>
          <th scope="col">{t("Goes into")}</th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line) =>
          isRefused(line) ? (
            <RefusedRow key={`${line.row} ${line.path}`} line={line} span={3} />
          ) : (
            <tr key={line.UID}>
              <th scope="row">{line.row}</th>
              <td>{line.sample}</td>
              <td>{line.keyword}</td>
              <td>
                <b>{line.result}</b>
              </td>
              <td>
                <a href={line.path}>{nameOf(line.path)}</a>
              </td>
            </tr>
          ),
        )}
      </tbody>
    </table>
  );
}

function LeftOut({ told }: { told: Told }) {
  const left = told.left_out ?? [];
  if (!left.length) return null;
  return (
    <details>
      <summary>{n("{count} result that nobody has asked for is left out", "{count} results that nobody has asked for are left out", left.length)}</summary>
      <ul>
        {left.map((one) => (
          <li key={`${one.row} ${one.keyword}`}>{t("Row {row}: {test} of {sample}", { row: one.row, test: one.keyword, sample: one.sample })}</li>
        ))}
      </ul>
    </details>
  );
}

/** What is wrong with the file as a whole. */
export function Whole({ refused: whole }: { refused: Refused }) {
  const causes = whole.errors ?? [];
  return (
    <section class="conflicts" aria-labelledby="whole-heading">
      <h2 id="whole-heading">{t("Nothing can be done with this file as it is")}</h2>
      {causes.length > 1 ? (
        <ul>
          {causes.slice(0, SHOWN).map((cause) => (
            <li key={cause.message}>{cause.message}</li>
          ))}
        </ul>
      ) : (
        <p>{whole.message}</p>
      )}
    </section>
  );
}

export function Conflicts() {
  const open = trial.value?.conflicts ?? [];
  if (!open.length) return null;
  const differences = open.slice(0, SHOWN).map((conflict) => ({
    key: `${conflict.row} ${conflict.field}`,
    names: [
      conflict.row,
      <a key="object" href={conflict.path}>
        {nameOf(conflict.path)}
      </a>,
      labelOf({ name: conflict.field, title: "" }),
    ],
    before: conflict.base ?? t("(not known to you)"),
    theirs: conflict.theirs,
    mine: conflict.mine,
    take: () => void decide(conflict, "theirs"),
    keep: () => void decide(conflict, "mine"),
  }));
  return (
    <Disagreements
      id="conflicts-heading"
      heads={[t("Row"), t("Object"), t("Field")]}
      found={differences}
      busy={busy.value}
      about={t("Somebody has changed these values since the file was written. A row is left as it is until you have decided about it.")}
    />
  );
}

/** What was done, with links to it. */
export function Outcome({ told }: { told: Told }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const written = told.rows ?? told.results ?? [];
  const left = told.refused ?? [];
  return (
    <section class="review" aria-labelledby="outcome-heading">
      <h2 id="outcome-heading" ref={heading} tabIndex={-1}>
        {n("{count} row is written", "{count} rows are written", written.length)}
      </h2>
      <ul class="written">
        {written.slice(0, SHOWN).map((row) => (
          <li key={`${row.row} ${row.UID}`}>
            <a href={row.path}>{nameOf(row.path)}</a>
          </li>
        ))}
        {written.length > SHOWN && <li>{t("and {count} more", { count: written.length - SHOWN })}</li>}
      </ul>
      {left.length > 0 && (
        <>
          <h2>{t("Left as they were")}</h2>
          <ul>
            {left.slice(0, SHOWN).map((line) => (
              <li key={`${line.row} ${line.path}`}>
                {t("Row {row}:", { row: line.row })} <Causes refused={line} />
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

/** An analysis is known with the request that it is in. */
function nameOf(path: string): string {
  return path.split("/").slice(kind.value === OBJECTS ? -1 : -2).join("/");
}
