// What is around every page: site, navigation, the field for scanned numbers, the user, notices.
import { useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { page } from "./data";
import { messageOf } from "./api";
import { notice, tell } from "./notices";
import { candidates, scanned } from "./scan";
import { t } from "./texts";

export function Frame({ children }: { children: ComponentChildren }) {
  return (
    <>
      <a class="skip" href="#main">
        {t("Skip to content")}
      </a>
      <header class="bar">
        <a class="brand" href={`${page.site.url}/console`}>
          {page.site.title}
        </a>
        <nav aria-label={t("Pages")}>
          {page.navigation.map((item) => (
            <a key={item.page} href={item.url} aria-current={item.page === page.page ? "page" : undefined}>
              {item.title}
            </a>
          ))}
        </nav>
        {page.scan.length > 0 && <ScanField />}
        <User />
      </header>
      <Notices />
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

function ScanField() {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // A scanner types wherever the focus is: what it types outside of fields belongs here.
    const toField = (event: KeyboardEvent) => {
      const plain = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
      if (plain && !event.defaultPrevented && !isWritten(event.target)) {
        if (field.current) field.current.value = "";
        field.current?.focus();
      }
    };
    document.addEventListener("keydown", toField);
    return () => document.removeEventListener("keydown", toField);
  }, []);
  const send = async (event: Event) => {
    event.preventDefault();
    const typed = field.current?.value ?? "";
    if (field.current) field.current.value = "";
    try {
      await scanned(typed);
    } catch (error) {
      tell(messageOf(error), "bad");
    }
  };
  return (
    <form class="scan" role="search" onSubmit={send}>
      <label class="hidden" for="scan">
        {t("Scan or type a number")}
      </label>
      <input id="scan" ref={field} placeholder={t("Scan or type a number")} autocomplete="off" autocapitalize="none" spellcheck={false} enterkeyhint="go" />
      <Candidates />
    </form>
  );
}

function isWritten(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.closest("input, textarea, select, dialog, [data-keys]") !== null;
}

function Candidates() {
  const found = candidates.value;
  const list = useRef<HTMLUListElement>(null);
  useSignalEffect(() => {
    if (!candidates.value.length) return;
    requestAnimationFrame(() => {
      // The next number may be coming in already: a field that loses the focus would lose its beginning.
      if (!(document.getElementById("scan") as HTMLInputElement | null)?.value) list.current?.querySelector("a")?.focus();
    });
  });
  if (!found.length) return null;
  const close = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    candidates.value = [];
    document.getElementById("scan")?.focus();
  };
  return (
    <ul class="candidates" ref={list} onKeyDown={close} aria-label={t("Objects with this number")}>
      {found.map((item) => (
        <li key={item.UID}>
          <a href={item.path}>
            <b>{item.id}</b> <span>{item.portal_type}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

function User() {
  return (
    <details class="user">
      <summary>{page.user.name}</summary>
      <div class="menu">
        <Theme />
        <Language />
        {page.site.takes_passwords && <a href={`${page.site.url}/password`}>{t("Change password")}</a>}
        <a href={page.site.docs}>{t("API reference")}</a>
        <form method="post" action={`${page.site.url}/logout`}>
          <button type="submit">{t("Log out")}</button>
        </form>
      </div>
    </details>
  );
}

/** Keeps a preference in this browser. The server reads it, so that pages come in it at once. */
function prefer(name: string, value: string): void {
  const age = value ? 365 * 24 * 3600 : 0;
  document.cookie = `objapi_${name}=${value}; path=/; max-age=${age}; samesite=lax`;
}

function Theme() {
  const [chosen, setChosen] = useState(page.chosen.theme);
  const words = { light: t("Light"), dark: t("Dark"), "": t("As the system") };
  const choose = (value: string) => {
    prefer("theme", value);
    setChosen(value);
    if (value) document.documentElement.dataset["theme"] = value;
    else delete document.documentElement.dataset["theme"];
    document.querySelector("meta[name=color-scheme]")?.setAttribute("content", value || "light dark");
  };
  return (
    <div class="choices" role="group" aria-label={t("Colours")}>
      {Object.entries(words).map(([value, title]) => (
        <button key={value} type="button" aria-pressed={value === chosen} onClick={() => choose(value)}>
          {title}
        </button>
      ))}
    </div>
  );
}

function Language() {
  const choose = (value: string) => {
    prefer("language", value);
    location.reload();
  };
  return (
    <div class="choices" role="group" aria-label={t("Language")}>
      {Object.entries(page.languages).map(([code, name]) => (
        <button key={code} type="button" lang={code} aria-pressed={code === page.language} onClick={() => choose(code)}>
          {name}
        </button>
      ))}
      {page.chosen.language && (
        <button type="button" class="plain" onClick={() => choose("")}>
          {t("As the browser")}
        </button>
      )}
    </div>
  );
}

function Notices() {
  const shown = notice.value;
  return (
    <div class="notices" role="status" aria-live="polite">
      {shown && (
        <p class={`notice ${shown.kind}`}>
          <span>{shown.text}</span>
          {shown.action && (
            <button type="button" onClick={shown.action.run}>
              {shown.action.label}
            </button>
          )}
          <button type="button" class="plain" aria-label={t("Close")} onClick={() => (notice.value = null)}>
            ×
          </button>
        </p>
      )}
    </div>
  );
}
