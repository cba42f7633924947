// The workflows of the object's type, as the API describes them.
import { signal } from "@preact/signals";
import type { Answer } from "../../objapi";
import { api, asking } from "../../frame/api";
import { page } from "../../frame/data";
import { type } from "./object";

export interface Transition {
  id: string;
  title: string;
  new_state: string | null;
  automatic: boolean;
}

export interface State {
  id: string;
  title: string;
  transitions: string[];
  automatic_transitions: string[];
}

export interface Workflow {
  id: string;
  title: string;
  state_variable: string;
  initial_state: string;
  states: State[];
  transitions: Transition[];
}

export const workflows = signal<ReadonlyMap<string, Workflow>>(new Map());

export async function loadWorkflows(): Promise<void> {
  const ids = type?.workflows.map((workflow) => workflow.id) ?? [];
  const asked = ids.map((id) => asking(api.call<Answer & { workflow: Workflow }>(`workflows/${encodeURIComponent(id)}`, { language: page.language })));
  workflows.value = new Map((await Promise.all(asked)).map(({ workflow }) => [workflow.id, workflow]));
}

export function titleOfState(workflow: string, state: string): string {
  return workflows.value.get(workflow)?.states.find((item) => item.id === state)?.title || state;
}
