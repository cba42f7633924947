// A drawing of numbers over time by uPlot, in the colours of the page, with the same values as a table below it.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { page } from "../frame/data";
import { n, t } from "../frame/texts";

const HEIGHT = 280;
const NARROWEST = 260;
const MINUTE = 60;
const DAY = 24 * 3600;
const WEEK = 7 * DAY;
/** How far apart marks of an axis of counts are. */
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000];

export interface Line {
  title: string;
  /** One for each instant; null where there is none. */
  values: (number | null)[];
  /** `points` are what was measured, `joined` the same one after the other, `bars` numbers of a week; a `bound` and a `middle` are what these are held against. */
  kind: "points" | "joined" | "bars" | "bound" | "middle";
}

export interface Drawn {
  title: string;
  unit?: string;
  /** Seconds since 1970, growing. */
  instants: number[];
  lines: Line[];
  /** Values that are out of their range, as places in `instants`. */
  out?: ReadonlySet<number>;
}

export function Plot({ drawn }: { drawn: Drawn }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const into = place.current;
    if (!into) return;
    let plot = draw(drawn, into);
    const again = () => {
      plot.destroy();
      plot = draw(drawn, into);
    };
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", again);
    const themed = new MutationObserver(again);
    themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    const sized = new ResizeObserver(() => plot.setSize({ width: widthOf(into), height: HEIGHT }));
    sized.observe(into);
    return () => {
      dark.removeEventListener("change", again);
      themed.disconnect();
      sized.disconnect();
      plot.destroy();
    };
  }, [drawn]);
  const measured = drawn.lines.filter((line) => ["points", "joined", "bars"].includes(line.kind));
  const count = measured.reduce((sum, line) => sum + line.values.filter((value) => value !== null).length, 0);
  const words = [n("{title}: {count} value, listed below", "{title}: {count} values, listed below", count, { title: drawn.title })];
  if (drawn.out?.size) words.push(n("{count} out of range", "{count} out of range", drawn.out.size));
  return <div ref={place} class="plot" role="img" aria-label={words.join("; ")} />;
}

function widthOf(into: HTMLElement): number {
  return Math.max(NARROWEST, into.clientWidth);
}

function draw(drawn: Drawn, into: HTMLElement): uPlot {
  const colour = coloursOf(into);
  const axis: uPlot.Axis = { stroke: colour("--ink"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  const shades = [colour("--link"), colour("--good")];
  const bars = drawn.lines.filter((line) => line.kind === "bars");
  const options: uPlot.Options = {
    width: widthOf(into),
    height: HEIGHT,
    legend: { live: false },
    cursor: { drag: { x: true, y: false }, points: { show: false } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), page.site.timezone),
    scales: { x: { range: (_, from, to) => around(from, to, bars.length ? WEEK / 2 : Math.max((to - from) * 0.03, MINUTE)) }, y: bars.length ? { range: (_, __, most) => [0, Math.max(1, most * 1.08)] } : {} },
    axes: [{ ...axis, space: 120, values: (_, instants, __, ___, step) => instants.map((instant) => shownAt(instant, step)) }, { ...axis, label: drawn.unit || "", labelSize: drawn.unit ? 24 : 0, size: 56, ...(bars.length ? { incrs: WHOLE } : {}) }],
    series: [
      { label: t("Date") },
      ...drawn.lines.map((line) => seriesOf(line, shades[bars.indexOf(line) % 2] ?? shades[0] ?? "", colour, [bars.indexOf(line), bars.length])),
    ],
    hooks: { draw: [(plot) => markOut(plot, drawn, colour("--bad"))] },
  };
  return new uPlot(options, dataOf(drawn), into);
}

/** An instant on the axis, whose marks are so many seconds apart: by its day, and by its time where one day has several. */
function shownAt(instant: number, step: number): string {
  const time: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", ...(step < MINUTE ? { second: "2-digit" } : {}) };
  const more: Intl.DateTimeFormatOptions = step < DAY ? time : { year: "2-digit" };
  const options: Intl.DateTimeFormatOptions = { month: "short", day: "numeric", timeZone: page.site.timezone, ...more };
  return new Intl.DateTimeFormat(page.language, options).format(new Date(instant * 1000));
}

function around(from: number, to: number, room: number): [number, number] {
  return [from - room, to + room];
}

/** What uPlot draws. Around a single instant it has a minute more, where limits are lines still: it would span years, without them. */
function dataOf({ instants, lines }: Drawn): uPlot.AlignedData {
  const [first, last] = [instants[0], instants.at(-1)];
  if (first === undefined || last === undefined || first !== last) return [instants, ...lines.map((line) => line.values)];
  const limit = (line: Line) => line.kind === "bound" || line.kind === "middle";
  const ends = (line: Line, at: number) => (limit(line) ? (line.values.at(at) ?? null) : null);
  return [[first - MINUTE, ...instants, last + MINUTE], ...lines.map((line) => [ends(line, 0), ...line.values, ends(line, -1)])];
}

/** The colours of the page by their names, as a canvas takes them: for the theme that is shown, not for either. */
function coloursOf(into: HTMLElement): (name: string) => string {
  const found: Record<string, string> = {};
  const probe = into.appendChild(document.createElement("span"));
  for (const name of ["--ink", "--line", "--soft", "--link", "--good", "--bad"]) {
    probe.style.color = `var(${name})`;
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return (name) => found[name] ?? "";
}

function seriesOf(line: Line, shade: string, colour: (name: string) => string, [place, of]: [number, number]): uPlot.Series {
  const common = { label: line.title, spanGaps: true };
  if (line.kind === "bars") {
    const paths = uPlot.paths.bars?.({ size: [0.8 / of, 60], align: of < 2 ? 0 : place ? 1 : -1 });
    return { ...common, stroke: shade, fill: shade, points: { show: false }, ...(paths ? { paths } : {}) };
  }
  if (line.kind === "points" || line.kind === "joined") {
    const dots = { ...common, stroke: colour("--link"), width: 1, points: { show: true, size: 6, fill: colour("--link") } };
    return line.kind === "joined" ? dots : { ...dots, paths: () => null };
  }
  const dash = line.kind === "bound" ? [6, 4] : [2, 4];
  const paths = uPlot.paths.stepped?.({ align: 1 });
  return { ...common, stroke: colour(line.kind === "bound" ? "--bad" : "--soft"), width: 1.5, dash, points: { show: false }, ...(paths ? { paths } : {}) };
}

/** Squares around what is out of its range, so that colour alone does not tell it. */
function markOut(plot: uPlot, drawn: Drawn, colour: string): void {
  const values = drawn.lines.find((line) => line.kind === "points" || line.kind === "joined")?.values;
  if (!values) return;
  plot.ctx.save();
  plot.ctx.strokeStyle = colour;
  plot.ctx.setLineDash([]);
  plot.ctx.lineWidth = 2 * devicePixelRatio;
  const half = 6 * devicePixelRatio;
  for (const at of drawn.out ?? []) {
    const [instant, value] = [drawn.instants[at], values[at]];
    if (instant === undefined || value === null || value === undefined) continue;
    plot.ctx.strokeRect(plot.valToPos(instant, "x", true) - half, plot.valToPos(value, "y", true) - half, 2 * half, 2 * half);
  }
  plot.ctx.restore();
}
