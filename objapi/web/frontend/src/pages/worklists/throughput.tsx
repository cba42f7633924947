// How many objects there were each week, in what the profile has counted for the site.
import { useEffect, useState } from "preact/hooks";
import type { Answer } from "../../objapi";
import { type Drawn, Plot } from "../../charts/plot";
import { api, asking, messageOf } from "../../frame/api";
import { page } from "../../frame/data";
import { shownDate } from "../../frame/dates";
import { tell } from "../../frame/notices";
import { t } from "../../frame/texts";

interface Counted {
  name: string;
  title: string;
  titles: Record<string, string>;
  weeks: string[];
  counts: { title: string; titles: Record<string, string>; numbers: number[] }[];
}

export default function Throughput() {
  const [charts, setCharts] = useState<Counted[] | null>(null);
  useEffect(() => {
    asking(api.call<Answer & { charts: Counted[] }>("charts"))
      .then((answer) => setCharts(answer.charts))
      .catch((error: unknown) => tell(messageOf(error), "bad"));
  }, []);
  if (!charts) return null;
  return (
    <>
      {!charts.length && <p class="none">{t("There are no charts for your roles.")}</p>}
      {charts.map((chart) => (
        <figure key={chart.name} class="chart">
          <figcaption>{titleOf(chart)}</figcaption>
          <Plot drawn={drawnOf(chart)} />
          <Weeks chart={chart} />
        </figure>
      ))}
    </>
  );
}

function titleOf(named: { title: string; titles: Record<string, string> }): string {
  return named.titles[page.language] ?? named.title;
}

function drawnOf(chart: Counted): Drawn {
  const instants = chart.weeks.map((week) => Date.parse(week) / 1000);
  return { title: titleOf(chart), instants, lines: chart.counts.map((count) => ({ title: titleOf(count), kind: "bars", values: count.numbers })) };
}

function Weeks({ chart }: { chart: Counted }) {
  return (
    <details>
      <summary>{t("Values as a table")}</summary>
      <div class="values" tabIndex={0} role="group" aria-label={t("Values of {title}", { title: titleOf(chart) })}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("Week from")}</th>
              {chart.counts.map((count) => (
                <th key={count.title} scope="col">
                  {titleOf(count)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {chart.weeks.map((week, place) => (
              <tr key={week}>
                <th scope="row">{shownDate(week)}</th>
                {chart.counts.map((count) => (
                  <td key={count.title}>{count.numbers[place]}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
