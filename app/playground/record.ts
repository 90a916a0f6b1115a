/** What the playground saves: the text with everything needed to make it again. */
import type { Row } from "../charts/save.ts";
import type { LabState } from "../store/state.ts";

/** One row a token, prompt first; continuation is empty for the prompt. */
export function tokenRows({
  prompt,
  continuations,
}: Pick<LabState["generation"], "prompt" | "continuations">): Row[] {
  const texts = [
    { continuation: "prompt", chunks: prompt },
    ...continuations.map((chunks, i) => ({ continuation: String(i + 1), chunks })),
  ];
  return texts.flatMap(({ continuation, chunks }) =>
    chunks.flat().map((token, position) => ({
      continuation,
      position,
      token: token.piece,
      id: token.id,
      probability: token.logprob === null ? null : Math.exp(token.logprob),
      "surprise (nats)": token.logprob === null ? null : -token.logprob,
      "runners-up": token.runnersUp
        .map(({ piece, logprob }) => `${JSON.stringify(piece)} ${Math.exp(logprob).toFixed(3)}`)
        .join("  "),
    })),
  );
}

/** The run as one JSON text. */
export function recordOf(state: LabState, appVersion: string): string {
  const { generation, model, engine } = state;
  const adapter = engine.status === "open" ? engine.adapter : null;
  const { prompt, continuations, request, stopped, timing } = generation;
  const record = {
    version: 1,
    appVersion,
    model,
    adapter,
    request,
    stopped,
    timing,
    prompt: prompt.flat(),
    continuations: continuations.map((chunks) => chunks.flat()),
  };
  return `${JSON.stringify(record, null, 1)}\n`;
}
