// What two people have changed at once: before, theirs, mine, and a decision for each value.
import type { ComponentChildren } from "preact";
import { t } from "./texts";
import "./review.css";

export interface Difference {
  key: string;
  /** What says which value it is, in the columns before it. */
  names: ComponentChildren[];
  before: string;
  theirs: string;
  mine: string;
  take: () => void;
  keep: () => void;
}

interface Decisions {
  id: string;
  /** Heads of the columns that say which value it is. */
  heads: string[];
  found: Difference[];
  /** What else there is to say. */
  about?: string;
  busy?: boolean;
}

export function Disagreements({ id, heads, found, about, busy = false }: Decisions) {
  return (
    <section class="conflicts" aria-labelledby={id}>
      <h2 id={id} tabIndex={-1}>
        {t("Changed by both")}
      </h2>
      {about && <p>{about}</p>}
      <div class="wide" tabIndex={0} role="group" aria-labelledby={id}>
        <table>
          <Heads titles={[...heads, t("Before"), t("Theirs"), t("Mine"), t("Decision")]} />
          <tbody>
            {found.map((item) => (
              <tr key={item.key}>
                {item.names.map((name, place) =>
                  place ? (
                    <td key={place} data-label={heads[place]}>
                      {name}
                    </td>
                  ) : (
                    <th key={place} scope="row">
                      {name}
                    </th>
                  ),
                )}
                <td data-label={t("Before")} class="text">
                  {item.before}
                </td>
                <td data-label={t("Theirs")} class="text">
                  {item.theirs}
                </td>
                <td data-label={t("Mine")} class="text">
                  {item.mine}
                </td>
                <td class="choice">
                  <button type="button" disabled={busy} onClick={item.take}>
                    {t("Take theirs")}
                  </button>{" "}
                  <button type="button" disabled={busy} onClick={item.keep}>
                    {t("Keep mine")}
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** The head of a table of differences. */
export function Heads({ titles }: { titles: string[] }) {
  return (
    <thead>
      <tr>
        {titles.map((title) => (
          <th key={title} scope="col">
            {title}
          </th>
        ))}
      </tr>
    </thead>
  );
}
