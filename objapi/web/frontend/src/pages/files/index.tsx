// A file of rows is chosen, tried and shown row by row, and then written in one request: of objects, or of results.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Answer } from "../../objapi";
import { api, asking, messageOf } from "../../frame/api";
import { page } from "../../frame/data";
import { tell } from "../../frame/notices";
import { Signature } from "../../frame/signature";
import { t } from "../../frame/texts";
import { labelOf } from "../../frame/labels";
import { Conflicts, Outcome, Trial, Whole } from "./shown";
import { apply, busy, choose, done, file, kind, newPlace, newType, OBJECTS, refusal, rows, shapes, signing, trial, tryOut } from "./sent";
import "../../frame/review.css";
import "./files.css";

interface TypeInBrief {
  portal_type: string;
  title: string;
}

export default function Files() {
  useEffect(() => {
    // A file that falls beside the field would be opened by the browser, in place of this page.
    const keep = (event: DragEvent) => event.preventDefault();
    addEventListener("dragover", keep);
    addEventListener("drop", keep);
    return () => {
      removeEventListener("dragover", keep);
      removeEventListener("drop", keep);
    };
  }, []);
  return (
    <>
      <h1>{page.title}</h1>
      <div class="file">
        <Kind />
        <Field />
        {kind.value === OBJECTS && <NewRows />}
      </div>
      <div aria-live="polite">
        {busy.value && <p class="hint">{t("The file is looked at …")}</p>}
        {refusal.value && <Whole refused={refusal.value} />}
      </div>
      {trial.value && <Conflicts />}
      {trial.value && <Trial />}
      {done.value && <Outcome told={done.value} />}
      {signing.value && (
        <Signature
          {...signing.value}
          count={rows.value.length}
          busy={busy.value}
          sign={(_, proof) => void apply(proof)}
          leave={() => (signing.value = null)}
        />
      )}
    </>
  );
}

function Kind() {
  return (
    <p>
      <label for="file-kind">{t("What is in the file")}</label>
      <select
        id="file-kind"
        value={kind.value}
        onChange={(event) => {
          kind.value = event.currentTarget.value;
          void tryOut();
        }}
      >
        <option value={OBJECTS}>{t("Objects, as a search has written them")}</option>
        {shapes.length > 0 && (
          <optgroup label={t("Results of an instrument")}>
            {shapes.map((shape) => (
              <option key={shape.name} value={shape.name}>
                {shape.title}
              </option>
            ))}
          </optgroup>
        )}
      </select>
    </p>
  );
}

function Field() {
  const over = useSignal(false);
  const shape = shapes.find((item) => item.name === kind.value);
  const drop = (event: DragEvent) => {
    over.value = false;
    choose(event.dataTransfer?.files[0] ?? null);
  };
  return (
    <div
      class={over.value ? "drop over" : "drop"}
      onDragEnter={() => (over.value = true)}
      onDragLeave={(event) => (over.value = event.currentTarget.contains(event.relatedTarget as Node | null))}
      onDrop={drop}
    >
      <label for="file">{t("Choose a file, or drop it here")}</label>
      <input
        id="file"
        type="file"
        accept={shape ? ".csv,.txt,.tsv,.xlsx" : ".csv,.xlsx,.ndjson"}
        aria-describedby="file-hint"
        onChange={(event) => choose(event.currentTarget.files?.[0] ?? null)}
        // The same file is chosen again when it was edited meanwhile.
        onClick={(event) => (event.currentTarget.value = "")}
      />
      <p class="soft" id="file-hint">
        {file.value && (
          <>
            <b>{file.value.name}</b>{" · "}
          </>
        )}
        {shape
          ? t("CSV or XLSX with the columns {columns}", { columns: shape.columns.join(", ") })
          : t("CSV, XLSX or NDJSON, with the columns UID and version as they were; rows with an empty UID become new objects")}
      </p>
    </div>
  );
}

function NewRows() {
  const types = useSignal<TypeInBrief[]>([]);
  const load = () => {
    if (types.value.length) return;
    asking(api.call<Answer & { types: TypeInBrief[] }>("types", { language: page.language }))
      .then((answer) => (types.value = [...answer.types].sort((one, other) => titleOf(one).localeCompare(titleOf(other)))))
      .catch((error: unknown) => tell(messageOf(error), "bad"));
  };
  return (
    <details onToggle={load}>
      <summary>{t("New rows")}</summary>
      <p class="soft">{t("Of rows without a UID that do not say it themselves in the columns portal_type and path.")}</p>
      <div class="pair">
        <p>
          <label for="new-type">{t("Type")}</label>
          <select
            id="new-type"
            value={newType.value}
            onChange={(event) => {
              newType.value = event.currentTarget.value;
              void tryOut();
            }}
          >
            <option value="" />
            {types.value.map((type) => (
              <option key={type.portal_type} value={type.portal_type}>
                {titleOf(type)}
              </option>
            ))}
          </select>
        </p>
        <p>
          <label for="new-place">{t("Place")}</label>
          <input
            id="new-place"
            placeholder={t("a path, such as /clients")}
            autocomplete="off"
            spellcheck={false}
            value={newPlace.value}
            onChange={(event) => {
              newPlace.value = event.currentTarget.value.trim();
              void tryOut();
            }}
          />
        </p>
      </div>
    </details>
  );
}

function titleOf(type: TypeInBrief): string {
  return labelOf({ name: type.title || type.portal_type, title: "" });
}
