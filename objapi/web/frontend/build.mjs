// Builds ../static from src: `node build.mjs`. With --check it writes nothing, and fails where ../static is not what
// would be built. The same sources and the same package-lock.json give the same bytes.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, mkdirSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const STATIC = join(HERE, "..", "static");
const VENDORED = ["preact", "@preact/signals", "@preact/signals-core", "@dagrejs/dagre", "@dagrejs/graphlib", "uplot"];

const common = {
  absWorkingDir: HERE,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  charset: "utf8",
  metafile: true,
  write: false,
  jsx: "automatic",
  jsxImportSource: "preact",
};

// The console loads the client as the file that other front-ends load.
const ownClient = {
  name: "own-client",
  setup: (setup) => setup.onResolve({ filter: /\/objapi$/ }, () => ({ path: "./objapi.js", external: true })),
};

function sourceFiles(folder = HERE) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name !== "node_modules")
    .flatMap((entry) => (entry.isDirectory() ? sourceFiles(join(folder, entry.name)) : [join(folder, entry.name)]))
    .filter((path) => !path.endsWith(".md"))
    .sort();
}

function sourceDigest() {
  const digest = createHash("sha256");
  for (const path of sourceFiles()) {
    digest.update(`${relative(HERE, path).replaceAll("\\", "/")}\n`).update(readFileSync(path)).update("\n");
  }
  return digest.digest("hex");
}

function licences() {
  return VENDORED.map((name) => {
    const folder = join(HERE, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? readFileSync(join(folder, file), "utf8").trim() : `Licence: ${license}`;
    return `${name} ${version}\n${"=".repeat(name.length + version.length + 1)}\n\n${text}\n`;
  }).join("\n\n");
}

function declarations() {
  const folder = mkdtempSync(join(tmpdir(), "objapi-types-"));
  try {
    const tsc = join(HERE, "node_modules", "typescript", "bin", "tsc");
    const options = ["--ignoreConfig", "--declaration", "--emitDeclarationOnly", "--target", "es2022", "--module", "esnext"];
    const more = ["--moduleResolution", "bundler", "--lib", "ES2023,DOM,DOM.Iterable", "--outDir", folder];
    execFileSync(process.execPath, [tsc, ...options, ...more, join(HERE, "src", "objapi.ts")], { stdio: "inherit" });
    return readFileSync(join(folder, "objapi.d.ts"), "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function built() {
  const client = await build({ ...common, minify: false, entryPoints: { objapi: "src/objapi.ts" }, outdir: "out" });
  const pages = readdirSync(join(HERE, "src", "pages")).sort();
  const app = await build({
    ...common,
    entryPoints: { console: "src/console.tsx" },
    outdir: "out",
    splitting: true,
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    plugins: [ownClient],
  });
  const files = new Map();
  for (const { path, contents } of [...client.outputFiles, ...app.outputFiles]) {
    files.set(relative(join(HERE, "out"), path), Buffer.from(contents));
  }
  files.set("parts.json", Buffer.from(JSON.stringify(parts(app.metafile.outputs, pages), null, 1) + "\n"));
  files.set("objapi.d.ts", Buffer.from(declarations()));
  files.set("icon.svg", readFileSync(join(HERE, "src", "icon.svg")));
  files.set("licences.txt", Buffer.from(licences()));
  files.set("sources.sha256", Buffer.from(`${sourceDigest()}\n`));
  return files;
}

// What each page loads: its own chunk first, then what that imports, then its style sheet.
function parts(outputs, pages) {
  const named = (path) => path.replace(/^out\//, "");
  const loaded = (path, found = new Set()) => {
    if (found.has(path)) return found;
    found.add(path);
    for (const { path: other, kind, external } of outputs[path].imports) {
      if (kind === "import-statement" && !external) loaded(other, found);
    }
    return found;
  };
  const of = (entry) => {
    const path = Object.keys(outputs).find((name) => outputs[name].entryPoint === entry && name.endsWith(".js"));
    if (!path) throw new Error(`${entry} is not imported by src/console.tsx`);
    const style = outputs[path].cssBundle;
    return [...[...loaded(path)].map(named), ...(style ? [named(style)] : [])];
  };
  const frame = [...of("src/console.tsx"), "objapi.js"];
  const result = { console: frame };
  for (const page of pages) {
    result[page] = of(`src/pages/${page}/index.tsx`).filter((name) => !frame.includes(name));
  }
  return result;
}

const files = await built();
const present = existsSync(STATIC) ? readdirSync(STATIC).sort() : [];
if (process.argv.includes("--check")) {
  const wrong = [...new Set([...present, ...files.keys()])].filter(
    (name) => !files.has(name) || !present.includes(name) || !files.get(name).equals(readFileSync(join(STATIC, name))),
  );
  if (wrong.length) {
    console.error(`Not what the sources give: ${wrong.sort().join(", ")}. Run npm run build in objapi/web/frontend.`);
    process.exit(1);
  }
  console.log(`${files.size} files are what the sources give.`);
} else {
  mkdirSync(STATIC, { recursive: true });
  for (const name of present) if (!files.has(name)) rmSync(join(STATIC, name));
  for (const [name, content] of files) writeFileSync(join(STATIC, name), content);
  console.log(`${files.size} files in static.`);
}
