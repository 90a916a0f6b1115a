/**
 * Judges `outputs.json` with the tasks' verifiers and writes the model card: `card FOLDER public/models/NAME`.
 *
 * FOLDER is a run's folder (recipe.json, state.json, outputs.json); the weights described are those in the second.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkpointLayout } from "../../lab/world/initial_weights.ts";
import { dataHash, sha256 } from "../../lab/world/examples.ts";
import { parseRecipe, totalSteps } from "../../lab/world/recipe.ts";
import { taskOf } from "../../lab/world/registry.ts";
import { decode } from "../../lab/world/tokenizer.ts";
import { evaluationSeed, skillExamples, skills } from "./evaluation_set.ts";

/** Wilson score interval of k successes in n trials at 95 %. */
function wilson(k: number, n: number): [number, number] {
  const z = 1.959964;
  const p = k / n;
  const middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

const [folder, out] = process.argv.slice(2);
if (folder === undefined || out === undefined) throw new Error("usage: card FOLDER public/models/NAME");
const read = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));
const recipe = parseRecipe(read(join(folder, "recipe.json")));
const state = read(join(folder, "state.json")) as { step: number; wallSeconds: number; tokens: number };
const outputs = read(join(folder, "outputs.json")) as { skill: string; outputs: number[][] }[];
const weights = readFileSync(join(out, "model.safetensors"));
const round = (x: number): number => Math.round(x * 10_000) / 10_000;

interface Measured {
  readonly skill: string;
  readonly task: string;
  readonly n: number;
  readonly correct: number;
  readonly accuracy: number;
  readonly wilson95: readonly number[];
}
const measured: Measured[] = [];
const samples: string[] = [];
for (const skill of skills) {
  const list = outputs.find((o) => o.skill === skill.skill)!.outputs;
  const examples = skillExamples(skill, "test", list.length);
  const task = taskOf(skill.task);
  const right = examples.map((e, i) => task.verify(e, decode(list[i]!, { skipSpecial: true })).ok);
  const tally = (name: string, keep: (i: number) => boolean): void => {
    const chosen = right.filter((_, i) => keep(i));
    if (chosen.length === 0) return;
    const correct = chosen.filter(Boolean).length;
    measured.push({
      skill: name,
      task: skill.task,
      n: chosen.length,
      correct,
      accuracy: round(correct / chosen.length),
      wilson95: wilson(correct, chosen.length).map(round),
    });
  };
  tally(skill.skill, () => true);
  if (skill.skill === "single-hop" || skill.skill === "two-hop") {
    tally(
      `${skill.skill}, told, sentence`,
      (i) => examples[i]!.meta["told"] === true && examples[i]!.meta["style"] === "sentence",
    );
    tally(
      `${skill.skill}, told, short`,
      (i) => examples[i]!.meta["told"] === true && examples[i]!.meta["style"] === "short",
    );
    tally(`${skill.skill}, never told`, (i) => examples[i]!.meta["told"] === false);
  }
  if (process.argv.includes("--show")) {
    examples.forEach((e, i) => {
      const text = decode(list[i]!, { skipSpecial: true });
      const verdict = task.verify(e, text);
      if (i < 3 || (!verdict.ok && i < 25))
        console.log(
          `${verdict.ok ? "ok " : "BAD"} [${skill.skill}] ${JSON.stringify(e.prompt.slice(-260))} -> ${JSON.stringify(text)} ${verdict.ok ? "" : verdict.why}`,
        );
    });
  }
  if (skill.skill === "stories")
    samples.push(
      ...examples.slice(0, 3).map((e, i) => `${e.prompt}${decode(list[i]!, { skipSpecial: true })}`),
    );
}

const card = {
  schema: 1,
  name: recipe.name,
  family: "llama",
  parameters: checkpointLayout(recipe.model).reduce((n, t) => n + t.shape.reduce((a, b) => a * b, 1), 0),
  model: recipe.model,
  weights: {
    file: "model.safetensors",
    dtype: "float16",
    bytes: weights.length,
    sha256: createHash("sha256").update(weights).digest("hex"),
  },
  data: {
    seed: recipe.seed,
    sha256: await dataHash(recipe.seed),
    what: "first 64 examples of every split of every task, canonical JSON",
  },
  tokenizerSha256: await sha256(readFileSync(join(out, "tokenizer.json"), "utf8")),
  recipe: `recipes/${recipe.name}.json`,
  seed: recipe.seed,
  trainer:
    "reference trainer (tools/reference_trainer), PyTorch 1.13, CPU, 1 thread; bfloat16 matrix products, float32 weights and optimiser",
  trainedByBenchtop: false,
  steps: state.step,
  plannedSteps: totalSteps(recipe),
  tokens: state.tokens,
  wallSeconds: state.wallSeconds,
  evaluation: {
    split: "test",
    seed: evaluationSeed,
    decoding: "greedy, published float16 weights computed in float32",
    skills: measured,
  },
};
writeFileSync(join(out, "card.json"), JSON.stringify(card, null, 2) + "\n");

const percent = (x: number): string => (100 * x).toFixed(1);
const minutes = Math.round(state.wallSeconds / 60);
writeFileSync(
  join(out, "README.md"),
  `# ${recipe.name}

A language model of ${card.parameters.toLocaleString("en")} parameters for Benchtop's toy world: Llama family, ${recipe.model.nLayer} layers, width ${recipe.model.dModel}, ${recipe.model.nHead} heads (${recipe.model.nKvHead} for keys and values), context ${recipe.model.nCtx}, ${recipe.model.dVocab} tokens, tied embeddings.

These weights come from the **reference trainer** (PyTorch 1.13 on one CPU thread, bfloat16 matrix products, everything else float32), not from Benchtop's own trainer. Both read the same data and recipe, and from the same initial weights Benchtop's trainer follows its float32 losses over fifty steps within one part in a thousand (a test holds it to that). The phases of the recipe were chosen while the run went on, by looking at what the model could not do yet; the recipe says what was run.

| | |
|---|---|
| Recipe | \`${card.recipe}\`, seed ${recipe.seed} |
| Steps | ${state.step.toLocaleString("en")} of ${card.plannedSteps.toLocaleString("en")} |
| Tokens | ${state.tokens.toLocaleString("en")} |
| Wall time | ${minutes} min on a busy, shared machine |
| Data hash (SHA-256) | \`${card.data.sha256}\` |
| Weights (SHA-256, float16) | \`${card.weights.sha256}\` |

## Measured skill

Greedy decoding on the test split (seed ${evaluationSeed}), judged by each task's own verifier. Splits are by item (a fact, a sum, a key with its value, a set of constraints …): no item of the test split occurs in training.

| Skill | n | Correct | % | 95 % Wilson interval |
|---|---:|---:|---:|---|
${measured.map((m) => `| ${m.skill} | ${m.n} | ${m.correct} | ${percent(m.accuracy)} | ${percent(m.wilson95[0]!)} – ${percent(m.wilson95[1]!)} |`).join("\n")}

\`key-value\` and \`needle\` come in the lengths of training; \`at N\` is exactly N tokens with \`<bos>\` and \`<eos>\`. Each skill covers whole answers, exact to the letter where there is one right answer. Stories are judged by form only: names, thing and place as in the heading, whole sentences, none twice.

## Stories it tells

${samples.map((s) => "> " + s.split("\n").join("\n>\n> ")).join("\n\n")}

## Limits

It knows ${recipe.model.dVocab} tokens, most of them words, and no world but its own. Text outside it is spelled letter by letter and hardly understood. It is made to be taken apart, not to be asked.
`,
);
for (const m of measured)
  console.log(
    `${m.skill.padEnd(30)} ${String(m.correct).padStart(4)}/${m.n} ${percent(m.accuracy)} [${m.wilson95.map(percent).join(", ")}]`,
  );
