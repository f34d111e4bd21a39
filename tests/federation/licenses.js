// Writes LICENSES: whose code bundle.cjs holds, and on which terms; equal texts stand once.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const meta = JSON.parse(readFileSync("meta.json", "utf8"));
const [{ inputs }] = Object.values(meta.outputs);
const folders = new Set();
for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
  const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? [];
  if (folder && bytesInOutput) folders.add(folder);
}

const named = new Map();
for (const folder of folders) {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  const text = file ? readFileSync(`${folder}/${file}`, "utf8").trim() : `(no text of its own: ${license})`;
  const terms = `${license}\n\n${text.replace(/\r/g, "").replace(/[ \t]+$/gm, "")}`;
  named.set(terms, [...(named.get(terms) ?? []), `${name} ${version}`]);
}

const parts = [...named].map(([terms, packages]) => `== ${[...new Set(packages)].sort().join(", ")}\n${terms}\n`).sort();
const intro = `bundle.cjs holds parts of these packages, changed in form alone (bundled and minified). It is there to
test with, and is in no distribution of Supplygraph.
`;
writeFileSync("LICENSES", [intro, ...parts].join("\n"));
rmSync("meta.json");
