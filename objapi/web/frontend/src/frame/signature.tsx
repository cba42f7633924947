// What is asked of whoever signs a step: the password once more, and the code of a second factor where there is one.
import { useEffect, useRef } from "preact/hooks";
import type { Proof, Step } from "../objapi";
import { page } from "./data";
import { n, t } from "./texts";

interface Asked {
  step: Step;
  /** Why it was refused before. */
  problem: string;
  count: number;
  busy: boolean;
  sign: (step: Step, proof: Proof) => void;
  leave: () => void;
}

export function Signature({ step, problem, count, busy, sign, leave }: Asked) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const send = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const code = String(form.get("code") ?? "").trim();
    sign(step, { password: String(form.get("password") ?? ""), ...(code ? { second_factor: code } : {}) });
  };
  return (
    <dialog ref={dialog} class="signature" aria-labelledby="signature-heading" onClose={leave}>
      <form onSubmit={send}>
        <h2 id="signature-heading">{t("Sign: {step}", { step: step.title })}</h2>
        <p>
          {n("Your signature on {count} object means: {meaning}", "Your signature on {count} objects means: {meaning}", count, {
            meaning: step.signature?.meaning ?? "",
          })}
        </p>
        {page.site.takes_sign_on && (
          <p>
            <a href={`${page.site.url}/sign_on?sign=1&came_from=${encodeURIComponent(location.href)}`}>{t("Log in anew at the log-in provider to sign")}</a>
          </p>
        )}
        {problem && (
          <p class="notice bad" role="alert" id="signature-problem">
            {problem}
          </p>
        )}
        <label for="signature-password">{t("Password")}</label>
        <input
          id="signature-password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
          aria-describedby={problem ? "signature-problem" : undefined}
        />
        <label for="signature-code">{t("Code of the second factor, if you have one")}</label>
        <input id="signature-code" name="code" autocomplete="one-time-code" inputMode="numeric" />
        <p class="buttons">
          <button type="submit" class="main" disabled={busy}>
            {t("Sign")}
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            {t("Leave it")}
          </button>
        </p>
      </form>
    </dialog>
  );
}
