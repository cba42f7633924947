// The steps that objects can take: what all of them allow, what holds the others back, and the way back afterwards.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiFailure, type Allowed, type Batch, type Named, type Proof, type Step } from "../objapi";
import { api, asking, messageOf } from "./api";
import { page } from "./data";
import { tell } from "./notices";
import { Signature } from "./signature";
import { n, t } from "./texts";
import { mayUndo } from "./undo";
import "./steps.css";

const MOST_ASKED = 200;
const SOON = 150;

interface HeldBack extends Named {
  reasons: { text: string; needs: string; count: number; more: boolean }[];
}

interface Asked {
  uids: string[];
  /** Changes whenever the objects are others, or in other states. */
  version: string;
  /** Steps that come first, in this order. */
  preferred?: string[];
  /** Lets go of the objects. */
  clear?: () => void;
  /** What to do when a step was taken, or taken back. */
  done: (step: Named | null, answer: Batch | null) => Promise<void>;
}

export function Steps({ uids, version, preferred = [], clear, done }: Asked) {
  const open = useSignal<Step[]>([]);
  const signing = useSignal<{ step: Step; problem: string } | null>(null);
  const held = useSignal<HeldBack[]>([]);
  const comment = useSignal("");
  const busy = useSignal(false);

  useEffect(() => {
    if (!uids.length) {
      open.value = [];
      held.value = [];
      return;
    }
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const allowed: Allowed[] = [];
        for (let from = 0; from < uids.length; from += MOST_ASKED) {
          allowed.push(...(await asking(api.transitions(uids.slice(from, from + MOST_ASKED), true, { signal: stop.signal, language: page.language }))));
        }
        open.value = ordered(allowedByAll(allowed), preferred);
        held.value = heldBack(allowed, open.value);
      } catch (error) {
        if (!stop.signal.aborted) tell(messageOf(error), "bad");
      }
    }, SOON);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [version]);

  const take = async (step: Step, proof?: Proof) => {
    busy.value = true;
    try {
      const more = { comment: comment.value, partial: true, ...proof };
      const answer = await asking(api.take(step.id, uids, more, { key: crypto.randomUUID() }));
      if (!proof && (answer.objects ?? []).some((item) => item.type === "SignatureRequired")) {
        signing.value = { step, problem: "" };
        return;
      }
      comment.value = "";
      signing.value = null;
      await told(step, answer, done);
    } catch (error) {
      if (error instanceof ApiFailure && error.type.startsWith("Signature")) signing.value = { step, problem: proof ? error.message : "" };
      else tell(messageOf(error), "bad");
    } finally {
      busy.value = false;
    }
  };

  if (!uids.length) return null;
  return (
    <section class="steps" aria-label={t("Steps")}>
      {clear && (
        <p>
          <b>{n("{count} selected", "{count} selected", uids.length)}</b>{" "}
          <button type="button" class="plain" onClick={clear}>
            {t("Clear")}
          </button>
        </p>
      )}
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
          <button key={step.id} type="button" title={step.signature?.meaning} class={preferred.includes(step.id) ? "main" : ""} disabled={busy.value} onClick={() => take(step)}>
            {step.title}
          </button>
        ))}
        {!open.value.length && <span class="none">{uids.length > 1 ? t("No step is open to all of them.") : t("No step is open to you now.")}</span>}
      </div>
      {signing.value && (
        <Signature {...signing.value} count={uids.length} busy={busy.value} sign={take} leave={() => (signing.value = null)} />
      )}
      {held.value.length > 0 && (
        <details class="held">
          <summary>{n("{count} step is held back", "{count} steps are held back", held.value.length)}</summary>
          <dl tabIndex={0}>
            {held.value.map((step) => (
              <div key={step.id}>
                <dt>{step.title}</dt>
                {step.reasons.map((reason) => (
                  <dd key={reason.text}>
                    {uids.length > 1 && <b>{n("{count} object", "{count} objects", reason.count)}: </b>}
                    {reason.more && <span class="soft">{t("for example:")} </span>}
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

function allowedByAll(allowed: Allowed[]): Step[] {
  const [one, ...others] = allowed;
  if (!one) return [];
  return one.transitions.filter((step) => others.every((other) => other.transitions.some((item) => item.id === step.id)));
}

function ordered(steps: Step[], preferred: string[]): Step[] {
  const rank = (step: Named) => (preferred.includes(step.id) ? preferred.indexOf(step.id) : preferred.length);
  return [...steps].sort((one, other) => rank(one) - rank(other));
}

/** Every step that is not open to all, each with its reasons and for how many objects they hold. */
function heldBack(allowed: Allowed[], open: Named[]): HeldBack[] {
  const found = new Map<string, HeldBack>();
  const note = (step: Named, text: string, needs: string) => {
    const held = found.get(step.id) ?? { id: step.id, title: step.title, reasons: [] };
    found.set(step.id, held);
    // What would satisfy it is told once; the reason names other objects each time.
    const same = held.reasons.find((reason) => reason.text === text || (needs !== "" && reason.needs === needs));
    if (!same) held.reasons.push({ text, needs, count: 1, more: false });
    else {
      same.count += 1;
      same.more ||= same.text !== text;
    }
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

/** Says how it ended, and offers the way back to those who may undo. */
async function told(step: Step, answer: Batch, done: Asked["done"]): Promise<void> {
  const objects = answer.objects ?? [];
  const bad = objects.filter((item) => item.success === false);
  const good = objects.length - bad.length;
  const words = [good ? n("{step}: {count} done.", "{step}: {count} done.", good, { step: step.title }) : ""];
  if (bad.length) words.push(n("{count} could not be done.", "{count} could not be done.", bad.length));
  if (bad.length === 1) words.push(String(bad[0]?.message ?? ""));
  const request = answer.request_id ?? "";
  await done(step, answer);
  const way = good && request && !step.signature && (await mayUndo()) ? { label: t("Undo"), run: () => void undo(request, done) } : undefined;
  tell(words.join(" ").trim(), bad.length ? "bad" : "good", way);
}

async function undo(request: string, done: Asked["done"]): Promise<void> {
  try {
    await asking(api.call("undo", { request_id: request }));
    await done(null, null);
    tell(t("Undone."), "good");
  } catch (error) {
    tell(messageOf(error), "bad");
  }
}
