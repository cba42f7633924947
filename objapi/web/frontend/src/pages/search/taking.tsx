// What is found, for elsewhere: files of all of it, and the call that gives it to a script.
import { useState } from "preact/hooks";
import { messageOf } from "../../frame/api";
import { tell } from "../../frame/notices";
import { t } from "../../frame/texts";
import { catalog, columns, search } from "./result";
import { nameOfSearch } from "./saved";
import { curlOf, pythonOf, urlOf, worklistOf } from "./spelled";

const FORMATS = { csv: "CSV", xlsx: "XLSX", ndjson: "NDJSON" };

export function Files() {
  const found = catalog.value;
  const names = columns.value.map((column) => column.name);
  if (!found || !names.length) return null;
  return (
    <p class="files">
      {t("All of it as a file:")}{" "}
      {Object.entries(FORMATS).map(([format, title]) => (
        <a key={format} class="button" href={urlOf(search.value, found, names, format)} download>
          {title}
        </a>
      ))}
    </p>
  );
}

export function Call() {
  const [open, setOpen] = useState(false);
  const found = catalog.value;
  const names = columns.value.map((column) => column.name);
  if (!found || !names.length) return null;
  const url = urlOf(search.value, found, names);
  return (
    <details class="call" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("The same from a script, or as a worklist of a role")}</summary>
      {open && (
        <>
          <Code title={t("URL")} text={url} />
          <Code title="curl" text={curlOf(url)} />
          <Code title={t("Python, with objapi-client")} text={pythonOf(search.value, found, names)} />
          <Code title={t("A worklist, for worklists.yaml of a profile")} text={worklistOf(nameOfSearch() || t("My search"), search.value, found, names)} />
        </>
      )}
    </details>
  );
}

function Code({ title, text }: { title: string; text: string }) {
  const copy = () =>
    navigator.clipboard
      .writeText(text)
      .then(() => tell(t("Copied."), "good"))
      .catch((error: unknown) => tell(messageOf(error), "bad"));
  return (
    <section>
      <h3>
        {title}{" "}
        <button type="button" aria-label={t("Copy: {title}", { title })} onClick={copy}>
          {t("Copy")}
        </button>
      </h3>
      <pre tabIndex={0} role="region" aria-label={title}>
        {text}
      </pre>
    </section>
  );
}
