// The charts of an object: numbers of others over time, held against what is specified or expected.
import { useEffect, useState } from "preact/hooks";
import type { Answer, ObjectRead, Page, Parameters, Value } from "../../objapi";
import { type Drawn, type Line, Plot } from "../../charts/plot";
import { api, asking, messageOf } from "../../frame/api";
import { page } from "../../frame/data";
import { shownDate } from "../../frame/dates";
import { labelOf } from "../../frame/labels";
import { tell } from "../../frame/notices";
import { n, t } from "../../frame/texts";
import { object } from "./object";

interface Chart {
  name: string;
  title: string;
  titles: Record<string, string>;
  query: Parameters;
  value: string;
  date: string;
  date_index: string;
  line: string | null;
  unit: string | null;
  /** Indexes by which it is narrowed down, with what the page's language calls them, "" without a name of their own. */
  filters: string[];
  filter_titles: Record<string, string>;
  range: { field: string; low: string; high: string } | null;
  expected: { field: string; key: string; of: string; value: string; low: string; high: string } | null;
}

interface Measured {
  object: ObjectRead;
  instant: number;
  value: number;
  low: number | null;
  high: number | null;
  middle: number | null;
}

const MOST = 500;
const PERIODS = [30, 90, 365];
/** With fewer values a spread says nothing. */
const FEWEST = 5;

export default function Charts() {
  const [charts, setCharts] = useState<Chart[] | null>(null);
  useEffect(() => {
    asking(api.call<Answer & { charts: Chart[] }>("charts", { obj_uid: object.value?.UID, language: page.language }))
      .then((answer) => setCharts(answer.charts))
      .catch((error: unknown) => tell(messageOf(error), "bad"));
  }, []);
  if (!charts) return null;
  return (
    <section class="part charts" aria-labelledby="charts-heading">
      <h2 id="charts-heading" class="hidden">
        {t("Charts")}
      </h2>
      {charts.map((chart) => (
        <One key={chart.name} chart={chart} />
      ))}
    </section>
  );
}

type Facets = NonNullable<Page["facets"]>;

function One({ chart }: { chart: Chart }) {
  const [chosen, setChosen] = useState<Record<string, string>>({});
  const [days, setDays] = useState(0);
  const [facets, setFacets] = useState<Facets>({});
  const [found, setFound] = useState<Page | null>(null);
  const filters = Object.fromEntries(Object.entries(chosen).filter(([, value]) => value));
  useEffect(() => {
    if (!chart.filters.length) return;
    const { sort_on: _, sort_order: __, include_fields: ___, ...criteria } = chart.query;
    asking(api.read({ ...criteria, count_only: true, facets: chart.filters }))
      .then((answer) => setFacets(answer.facets ?? {}))
      .catch((error: unknown) => tell(messageOf(error), "bad"));
  }, []);
  useEffect(() => {
    const stop = new AbortController();
    const since = days ? { [chart.date_index]: { since: `${days}d` } } : {};
    asking(api.read({ ...chart.query, ...filters, ...since, page_size: MOST }, { signal: stop.signal }))
      .then(setFound)
      .catch((error: unknown) => stop.signal.aborted || tell(messageOf(error), "bad"));
    return () => stop.abort();
  }, [JSON.stringify(filters), days]);
  const drawings = found ? drawingsOf(chart, found.objects) : [];
  return (
    <>
      <h3>{chart.titles[page.language] ?? chart.title}</h3>
      <div class="choices">
        {chart.filters.map((index) => (
          <p key={index}>
            <label for={`${chart.name}-${index}`}>{labelOf({ name: index.replace(/^get(?=[A-Z])/, "").replace(/UID$/, ""), title: chart.filter_titles[index] ?? "" })}</label>
            <select
              id={`${chart.name}-${index}`}
              value={chosen[index] ?? ""}
              onChange={(event) => setChosen({ ...chosen, [index]: event.currentTarget.value })}
            >
              <option value="">{t("all")}</option>
              {(facets[index]?.values ?? [])
                .filter(({ value }) => value !== null)
                .map(({ value, title }) => (
                  <option key={String(value)} value={String(value)}>
                    {title ?? String(value)}
                  </option>
                ))}
            </select>
          </p>
        ))}
        <p>
          <label for={`${chart.name}-period`}>{t("Time")}</label>
          <select id={`${chart.name}-period`} value={days} onChange={(event) => setDays(Number(event.currentTarget.value))}>
            <option value={0}>{t("all")}</option>
            {PERIODS.map((period) => (
              <option key={period} value={period}>
                {n("last {count} day", "last {count} days", period)}
              </option>
            ))}
          </select>
        </p>
      </div>
      {found && found.total_objects > found.objects.length && (
        <p class="soft">{t("The newest {shown} of {total} are shown.", { shown: found.objects.length, total: found.total_objects })}</p>
      )}
      {found && !drawings.length && <p class="none">{t("There are no numbers to draw yet.")}</p>}
      {drawings.map(({ drawn, values }) => (
        <figure key={drawn.title} class="chart">
          <figcaption>{drawn.title}</figcaption>
          <Plot drawn={drawn} />
          <Values drawn={drawn} values={values} />
        </figure>
      ))}
    </>
  );
}

function Values({ drawn, values }: { drawn: Drawn; values: Measured[] }) {
  const [open, setOpen] = useState(false);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("Values as a table")}</summary>
      {open && (
        <div class="values" tabIndex={0} role="group" aria-label={t("Values of {title}", { title: drawn.title })}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t("Date")}</th>
                <th scope="col">{t("Object")}</th>
                <th scope="col">{t("Value")}</th>
                <th scope="col">{t("Range")}</th>
              </tr>
            </thead>
            <tbody>
              {[...values.entries()].reverse().map(([place, one]) => (
                <tr key={one.object.UID}>
                  <td>{shownDate(new Date(one.instant * 1000).toISOString())}</td>
                  <th scope="row">
                    <a href={one.object.path}>{one.object.path.split("/").slice(-2).join("/")}</a>
                  </th>
                  <td class={drawn.out?.has(place) ? "out" : ""}>
                    {one.value} {drawn.unit}
                    {drawn.out?.has(place) && <> ({t("out of range")})</>}
                  </td>
                  <td>{one.low !== null || one.high !== null ? `${one.low ?? ""} – ${one.high ?? ""}` : ""}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

/** A drawing for each line; numbers of different things have no scale in common. */
function drawingsOf(chart: Chart, objects: ObjectRead[]): { drawn: Drawn; values: Measured[] }[] {
  const groups = new Map<string, ObjectRead[]>();
  for (const one of objects) {
    const name = String((chart.line && one[chart.line]) ?? "");
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  return [...groups]
    .sort(([one], [other]) => one.localeCompare(other))
    .flatMap(([name, found]) => {
      const values = found.flatMap((one) => measured(chart, one)).sort((one, other) => one.instant - other.instant);
      return values.length ? [{ drawn: drawnOf(chart, name, found, values), values }] : [];
    });
}

function measured(chart: Chart, one: ObjectRead): Measured[] {
  const instant = Date.parse(String(one[chart.date] ?? "")) / 1000;
  // Beyond a limit of detection the limit is drawn.
  const value = numberOf(String(one[chart.value] ?? "").replace(/^\s*[<>]/, ""));
  if (Number.isNaN(instant) || value === null) return [];
  const range = chart.range && (one[chart.range.field] as Record<string, Value> | null);
  const stated = chart.expected && expectedOf(chart.expected, one);
  return [
    {
      object: one,
      instant,
      value,
      low: numberOf(range?.[chart.range?.low ?? ""] ?? stated?.[chart.expected?.low ?? ""]),
      high: numberOf(range?.[chart.range?.high ?? ""] ?? stated?.[chart.expected?.high ?? ""]),
      middle: numberOf(stated?.[chart.expected?.value ?? ""]),
    },
  ];
}

function expectedOf(expected: NonNullable<Chart["expected"]>, one: ObjectRead): Record<string, Value> | undefined {
  const records = (object.value?.[expected.field] ?? []) as Record<string, Value>[];
  return records.find((record) => record[expected.key] === one[expected.of]);
}

function numberOf(value: Value | undefined): number | null {
  const text = String(value ?? "").trim();
  return text && Number.isFinite(Number(text)) ? Number(text) : null;
}

function drawnOf(chart: Chart, name: string, found: ObjectRead[], values: Measured[]): Drawn {
  const lines: Line[] = [{ title: t("Value"), kind: chart.range ? "points" : "joined", values: values.map((one) => one.value) }];
  const limits = (title: string, key: "low" | "high" | "middle", kind: Line["kind"]) => {
    if (values.some((one) => one[key] !== null)) lines.push({ title, kind, values: values.map((one) => one[key]) });
  };
  limits(t("Lower limit"), "low", "bound");
  limits(t("Upper limit"), "high", "bound");
  limits(t("Expected"), "middle", "middle");
  const out = new Set(values.flatMap((one, place) => ((one.low !== null && one.value < one.low) || (one.high !== null && one.value > one.high) ? [place] : [])));
  if (lines.length === 1 && !chart.range && values.length >= FEWEST) lines.push(...spread(values, out));
  const unit = chart.unit ? String(found[0]?.[chart.unit] ?? "") : "";
  const title = name || String(object.value?.title ?? object.value?.id ?? "");
  return { title, unit, instants: values.map((one) => one.instant), lines, out };
}

/** Mean and three standard deviations, where nobody has stated what is expected. */
function spread(values: Measured[], out: Set<number>): Line[] {
  const mean = values.reduce((sum, one) => sum + one.value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, one) => sum + (one.value - mean) ** 2, 0) / (values.length - 1));
  values.forEach((one, place) => Math.abs(one.value - mean) > 3 * deviation && out.add(place));
  const level = (title: string, height: number, kind: Line["kind"]): Line => ({ title, kind, values: values.map(() => height) });
  return [
    level(t("Mean"), mean, "middle"),
    level(t("Mean − 3 s"), mean - 3 * deviation, "bound"),
    level(t("Mean + 3 s"), mean + 3 * deviation, "bound"),
  ];
}
