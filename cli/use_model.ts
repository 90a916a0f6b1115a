import { z } from "zod";
import { type LoadedModel, readTokenizer, type Session } from "../lab/session.ts";
import type { Words } from "../lab/text.ts";
import { LabError } from "../lib/errors.ts";
import { openModel, type OpenedModel } from "../lm/load.ts";
import { adapterFlag, openSession } from "./adapter.ts";
import type { Context } from "./command.ts";
import { usage } from "./flags.ts";
import { byteText, Progress } from "./io.ts";
import { findModel, type ModelSource } from "./model_source.ts";

/** The flag of every command that reads a model. */
export const modelFlag = {
  model: z.string().min(1).meta({
    description: "the model: bundled:NAME, a folder in Hugging Face layout, or a .safetensors file",
    placeholder: "M",
  }),
};

/** The flags of every command that computes with a model. */
export const deviceFlags = { ...modelFlag, ...adapterFlag };

export const tokensFlag = z.array(z.int().min(0)).min(1).meta({
  description: "ids, taken as they are (no start token is added)",
  placeholder: "I,I,…",
});

/** A model of which nothing but config, headers and tokenizer has been read. */
export interface ModelHead extends Words {
  readonly source: ModelSource;
  readonly opened: OpenedModel;
}

/** Reads config, headers and tokenizer; needs no device. */
export async function openHead(model: string, { io }: Context): Promise<ModelHead> {
  const source = await findModel(io, model);
  const opened = await openModel(source.folder, io.signal);
  const tokenizer = await readTokenizer(source.folder, io.signal);
  return { source, opened, ref: model, tokenizer, model: { config: opened.config } };
}

/** Opens a device, loads a model, runs `work` and closes the device whatever happens. */
export async function withModel<T>(
  flags: { readonly model: string; readonly adapter: string },
  { io }: Context,
  work: (loaded: LoadedModel, session: Session) => Promise<T>,
): Promise<T> {
  const source = await findModel(io, flags.model);
  return withSession(flags.adapter, { io }, async (session) => {
    const progress = new Progress(io.stderr, "loading");
    try {
      await session.load(source.ref, source.folder, {
        signal: io.signal,
        onProgress: (bytes, total) => progress.update(bytes, total, `${byteText(bytes)} of ${byteText(total)}`),
      });
    } finally {
      progress.end();
    }
    return work(session.current, session);
  });
}

/** Opens a device, runs `work` and closes the device whatever happens. */
export async function withSession<T>(
  adapter: string,
  { io }: Pick<Context, "io">,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await (io.openSession?.(adapter) ?? openSession(io, adapter));
  const lost = new Promise<never>((_, reject) => {
    session.onLost = ({ message }) => reject(new LabError("device-lost", message, "Run it again."));
  });
  try {
    return await Promise.race([work(session), lost]);
  } finally {
    session.close();
  }
}

/** Throws `bad-param` for ids outside the vocabulary, and for more tokens than the context holds. */
export function checkTokens(tokens: readonly number[], { dVocab, nCtx }: { dVocab: number; nCtx: number }): void {
  const bad = tokens.find((id) => id >= dVocab);
  if (bad !== undefined) throw usage(`token id ${bad} is outside the vocabulary of ${dVocab}`);
  if (tokens.length > nCtx) throw usage(`${tokens.length} tokens are more than the model's context of ${nCtx}`);
}
