// The steps that the selected objects can take: what all of them allow, what holds the others back, and how it ended.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Allowed, Batch, Named } from "../../objapi";
import { api, asking, messageOf } from "../../frame/api";
import { tell } from "../../frame/notices";
import { n, t } from "../../frame/texts";
import { chosen, outcomes, type RowOutcome, selected } from "./rows";
import type { Worklist } from "./worklist";

const MOST_ASKED = 200;
const SOON = 150;

interface HeldBack extends Named {
  reasons: { text: string; needs: string; count: number }[];
}

export function Steps({ list, done }: { list: Worklist; done: () => Promise<void> }) {
  const open = useSignal<Named[]>([]);
  const held = useSignal<HeldBack[]>([]);
  const comment = useSignal("");
  const busy = useSignal(false);
  const uids = chosen.value.map((row) => row.UID);
  const key = uids.join();

  useEffect(() => {
    if (!uids.length) {
      open.value = [];
      held.value = [];
      return;
    }
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const allowed = await asking(api.transitions(uids.slice(0, MOST_ASKED), true, { signal: stop.signal }));
        open.value = ordered(allowedByAll(allowed), list.transitions);
        held.value = heldBack(allowed, open.value);
      } catch (error) {
        if (!stop.signal.aborted) tell(messageOf(error), "bad");
      }
    }, SOON);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [key]);

  const take = async (step: Named) => {
    busy.value = true;
    try {
      const answer = await asking(api.take(step.id, uids, { comment: comment.value, partial: true }, { key: crypto.randomUUID() }));
      comment.value = "";
      await told(step, answer, uids, done);
    } catch (error) {
      tell(messageOf(error), "bad");
    } finally {
      busy.value = false;
    }
  };

  if (!uids.length) return <p class="hint">{t("Select rows, or scan what you have at hand.")}</p>;
  return (
    <section class="steps" aria-label={t("Steps")}>
      <p>
        <b>{n("{count} selected", "{count} selected", uids.length)}</b>{" "}
        <button type="button" class="plain" onClick={() => (selected.value = new Set())}>
          {t("Clear")}
        </button>
      </p>
      <label for="comment" class="hidden">
        {t("Comment")}
      </label>
      <input
        id="comment"
        placeholder={t("Comment")}
        value={comment.value}
        onInput={(event) => (comment.value = event.currentTarget.value)}
      />
      <div class="buttons">
        {open.value.map((step) => (
          <button key={step.id} type="button" class={list.transitions.includes(step.id) ? "main" : ""} disabled={busy.value} onClick={() => take(step)}>
            {step.title}
          </button>
        ))}
        {!open.value.length && <span class="none">{t("No step is open to all of them.")}</span>}
      </div>
      {held.value.length > 0 && (
        <details class="held">
          <summary>{n("{count} step is held back", "{count} steps are held back", held.value.length)}</summary>
          <dl>
            {held.value.map((step) => (
              <div key={step.id}>
                <dt>{step.title}</dt>
                {step.reasons.map((reason) => (
                  <dd key={reason.text}>
                    {uids.length > 1 && <b>{n("{count} object", "{count} objects", reason.count)}: </b>}
                    {reason.text}
                    {reason.needs && <span class="needs">{t("It needs: {needs}", { needs: reason.needs })}</span>}
                  </dd>
                ))}
              </div>
            ))}
          </dl>
        </details>
      )}
    </section>
  );
}

function allowedByAll(allowed: Allowed[]): Named[] {
  const [one, ...others] = allowed;
  if (!one) return [];
  return one.transitions.filter((step) => others.every((other) => other.transitions.some((item) => item.id === step.id)));
}

function ordered(steps: Named[], preferred: string[]): Named[] {
  const rank = (step: Named) => (preferred.includes(step.id) ? preferred.indexOf(step.id) : preferred.length);
  return [...steps].sort((one, other) => rank(one) - rank(other));
}

/** Every step that is not open to all, each with its reasons and for how many objects they hold. */
function heldBack(allowed: Allowed[], open: Named[]): HeldBack[] {
  const found = new Map<string, HeldBack>();
  const note = (step: Named, text: string, needs: string) => {
    const held = found.get(step.id) ?? { id: step.id, title: step.title, reasons: [] };
    found.set(step.id, held);
    const same = held.reasons.find((reason) => reason.text === text);
    if (same) same.count += 1;
    else held.reasons.push({ text, needs, count: 1 });
  };
  for (const { blocked = [] } of allowed) {
    for (const step of blocked) note(step, step.reason, step.needs);
  }
  const known = new Map(allowed.flatMap((item) => [...item.transitions, ...(item.blocked ?? [])]).map((step) => [step.id, step]));
  for (const step of known.values()) {
    if (open.some((item) => item.id === step.id)) continue;
    for (const item of allowed) {
      const named = [...item.transitions, ...(item.blocked ?? [])].some((other) => other.id === step.id);
      if (!named) note(step, t("Its state does not offer this step."), "");
    }
  }
  return [...found.values()].filter((step) => !open.some((item) => item.id === step.id));
}

/** Notes for each row how it ended, renews the list, and offers the way back to those who may undo. */
async function told(step: Named, answer: Batch, uids: string[], done: () => Promise<void>): Promise<void> {
  const found = new Map<string, RowOutcome>();
  (answer.objects ?? []).forEach((item, place) => {
    const uid = String(item.UID ?? item.obj_uid ?? uids[place] ?? "");
    const failed = item.success === false;
    found.set(uid, failed ? { good: false, text: String(item.message ?? "") } : { good: true, text: step.title });
  });
  outcomes.value = found;
  const bad = [...found.values()].filter((item) => !item.good).length;
  const good = found.size - bad;
  const words = [good ? n("{step}: {count} done.", "{step}: {count} done.", good, { step: step.title }) : ""];
  if (bad) words.push(n("{count} could not be done.", "{count} could not be done.", bad));
  const request = answer.request_id ?? "";
  await done();
  const way = good && request && (await mayUndo()) ? { label: t("Undo"), run: () => void undo(request, done) } : undefined;
  tell(words.join(" ").trim(), bad ? "bad" : "good", way);
}

let undoes: Promise<boolean> | null = null;

function mayUndo(): Promise<boolean> {
  undoes ??= api
    .call("can", { can: "undo" })
    .then((answer) => (answer as unknown as { objects: { can: { allowed: boolean }[] }[] }).objects[0]?.can[0]?.allowed ?? false)
    .catch(() => false);
  return undoes;
}

async function undo(request: string, done: () => Promise<void>): Promise<void> {
  try {
    await asking(api.call("undo", { request_id: request }));
    outcomes.value = new Map();
    await done();
    tell(t("Undone."), "good");
  } catch (error) {
    tell(messageOf(error), "bad");
  }
}
