// The workflows as diagrams: states as boxes, the current one marked, steps as arrows that dagre leads around the boxes.
import * as dagre from "@dagrejs/dagre";
import { useMemo } from "preact/hooks";
import { t } from "../../frame/texts";
import { object } from "./object";
import { type Workflow, workflows } from "./workflows";

const HEIGHT = 36;
const LABEL_HEIGHT = 18;
const FONT = "14px system-ui, sans-serif";
const SMALL = "12px system-ui, sans-serif";

export default function Diagrams() {
  return (
    <section class="part" aria-labelledby="workflow-heading">
      <h2 id="workflow-heading" class="hidden">{t("Workflow")}</h2>
      {[...workflows.value.values()].map((workflow) => (
        <Diagram key={workflow.id} workflow={workflow} current={String(object.value?.[workflow.state_variable] ?? "")} />
      ))}
    </section>
  );
}

interface Box {
  id: string;
  title: string;
  x: number;
  y: number;
  width: number;
}

interface Arrow {
  id: string;
  from: string;
  title: string;
  automatic: boolean;
  line: string;
  x: number;
  y: number;
}

interface Drawing {
  width: number;
  height: number;
  boxes: Box[];
  arrows: Arrow[];
}

function Diagram({ workflow, current }: { workflow: Workflow; current: string }) {
  const drawing = useMemo(() => laidOut(workflow), [workflow]);
  const title = workflow.states.find((state) => state.id === current)?.title ?? current;
  return (
    <figure class="diagram">
      <figcaption>
        {workflow.title || workflow.id}: <b>{title}</b>
      </figcaption>
      <div class="wide" tabIndex={0} role="region" aria-label={workflow.title || workflow.id}>
        <svg
          role="img"
          aria-label={t("Diagram of {title}; its steps are listed below.", { title: workflow.title || workflow.id })}
          width={drawing.width}
          height={drawing.height}
          viewBox={`0 0 ${drawing.width} ${drawing.height}`}
        >
          <defs>
            <marker id={`end-${workflow.id}`} viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">
              <path d="M0 0L10 5L0 10z" class="tip" />
            </marker>
          </defs>
          {drawing.arrows.map((arrow) => (
            <path
              key={arrow.id}
              d={arrow.line}
              class={`arrow${arrow.from === current ? " open" : ""}${arrow.automatic ? " automatic" : ""}`}
              marker-end={`url(#end-${workflow.id})`}
            />
          ))}
          {drawing.boxes.map((box) => (
            <g key={box.id} class={box.id === current ? "box current" : "box"}>
              <rect x={box.x - box.width / 2} y={box.y - HEIGHT / 2} width={box.width} height={HEIGHT} rx="6" />
              <text x={box.x} y={box.y} dy=".35em">
                {box.title}
              </text>
            </g>
          ))}
          {drawing.arrows.map((arrow) => (
            <text key={arrow.id} class={`step${arrow.from === current ? " open" : ""}`} x={arrow.x} y={arrow.y} dy=".35em">
              {arrow.title}
            </text>
          ))}
        </svg>
      </div>
      <details>
        <summary>{t("Steps as a list")}</summary>
        <ul>
          {workflow.states.map((state) => (
            <li key={state.id}>
              {state.title || state.id}
              {state.id === current && <b> ({t("now")})</b>}: {stepsOf(workflow, state.id).join("; ") || t("none")}
            </li>
          ))}
        </ul>
      </details>
    </figure>
  );
}

function stepsOf(workflow: Workflow, state: string): string[] {
  const titles = new Map(workflow.states.map((item) => [item.id, item.title || item.id]));
  return exits(workflow, state).map((step) => `${step.title || step.id} → ${titles.get(step.new_state ?? state) ?? step.new_state}`);
}

function exits(workflow: Workflow, id: string) {
  const state = workflow.states.find((item) => item.id === id);
  const names = [...(state?.transitions ?? []), ...(state?.automatic_transitions ?? [])];
  return workflow.transitions.filter((step) => names.includes(step.id));
}

function laidOut(workflow: Workflow): Drawing {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: 40, ranksep: 70, edgesep: 24, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const state of workflow.states) {
    graph.setNode(state.id, { width: widthOf(state.title || state.id, FONT) + 28, height: HEIGHT });
  }
  for (const state of workflow.states) {
    for (const step of exits(workflow, state.id)) {
      const size = { width: widthOf(step.title || step.id, SMALL) + 8, height: LABEL_HEIGHT, labelpos: "c" };
      graph.setEdge(state.id, step.new_state ?? state.id, size, step.id);
    }
  }
  dagre.layout(graph);
  const boxes = workflow.states.map((state) => {
    const { x, y, width } = graph.node(state.id) as { x: number; y: number; width: number };
    return { id: state.id, title: state.title || state.id, x, y, width };
  });
  const rows = new Set(boxes.map((box) => box.y));
  const arrows = graph.edges().map((edge) => {
    const laid = graph.edge(edge) as { points: Point[]; x: number; y: number };
    const step = workflow.transitions.find((item) => item.id === edge.name);
    const title = step?.title || edge.name || "";
    const id = `${edge.v} ${edge.name}`;
    const [from, to] = [graph.node(edge.v) as Sized, graph.node(edge.w) as Sized];
    const line = edge.v === edge.w ? loop(from, laid.x) : rounded(betweenRows(from, to, laid.points.slice(1, -1), rows));
    return { id, from: edge.v, title, automatic: step?.automatic ?? false, line, x: laid.x, y: laid.y };
  });
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return { width: Math.ceil(width), height: Math.ceil(height), boxes, arrows };
}

interface Point {
  x: number;
  y: number;
}

interface Sized extends Point {
  width: number;
}

const RADIUS = 14;

/**
 * A way through the points that were laid out, upright wherever it passes a row of boxes and slanting between rows alone:
 * so it touches no box but its own two.
 */
function betweenRows(from: Sized, to: Sized, points: Point[], rows: ReadonlySet<number>): Point[] {
  const [next = to] = points;
  const down = Math.sign(next.y - from.y) || 1;
  const passed = points.flatMap(({ x, y }) => {
    const half = rows.has(y) ? HEIGHT / 2 : LABEL_HEIGHT / 2;
    return [
      { x, y: y - down * half },
      { x, y: y + down * half },
    ];
  });
  const start = { x: within(from, next.x), y: from.y + (down * HEIGHT) / 2 };
  const end = { x: within(to, (points.at(-1) ?? from).x), y: to.y - (down * HEIGHT) / 2 };
  return [start, ...passed, end];
}

function within(box: Sized, x: number): number {
  const reach = box.width / 2 - RADIUS;
  return Math.max(box.x - reach, Math.min(box.x + reach, x));
}

/** The line through points, with its corners rounded: it goes through no more than that line does. */
function rounded(points: Point[]): string {
  const [start, ...rest] = points;
  const end = rest.pop();
  if (!start || !end) return "";
  const way = [start, ...rest, end];
  const corners = rest.map((corner, place) => {
    const before = towards(corner, way[place] ?? start);
    const after = towards(corner, way[place + 2] ?? end);
    return `L${at(before)}Q${at(corner)} ${at(after)}`;
  });
  return `M${at(start)}${corners.join("")}L${at(end)}`;
}

/** The point on the way from a corner to another point, as far from it as corners are rounded, or halfway. */
function towards(corner: Point, other: Point): Point {
  const length = Math.hypot(other.x - corner.x, other.y - corner.y) || 1;
  const share = Math.min(0.5, RADIUS / length);
  return { x: corner.x + (other.x - corner.x) * share, y: corner.y + (other.y - corner.y) * share };
}

/** The arrow of a step that leads to its own state: out at the right of the box, around the label, and back. */
function loop(box: Sized, reach: number): string {
  const side = box.x + box.width / 2;
  const [above, below] = [box.y - 8, box.y + 8];
  return `M${at({ x: side, y: above })}C${at({ x: reach, y: above - 16 })} ${at({ x: reach, y: below + 16 })} ${at({ x: side, y: below })}`;
}

function at({ x, y }: Point): string {
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}

let measure: CanvasRenderingContext2D | null = null;

function widthOf(text: string, font: string): number {
  measure ??= document.createElement("canvas").getContext("2d");
  if (!measure) return text.length * 8;
  measure.font = font;
  return measure.measureText(text).width;
}
