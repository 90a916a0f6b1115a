/** The page's only door to the engine: calls come in as messages, a session answers them. */
import { LabError, toErrorData } from "../../lib/errors.ts";
import { fetchFolder } from "../../lm/checkpoint/fetch_folder.ts";
import { fileFolder } from "../../lm/checkpoint/source.ts";
import { AttentionView } from "../../lab/attention_view.ts";
import { readCatalogue } from "../../lab/catalogue.ts";
import { generateText } from "../../lab/generate_text.ts";
import type { Calls, Method, Request, Response } from "../../lab/protocol.ts";
import { Session } from "../../lab/session.ts";
import { encodePrompt, tokenizerOf, tokenOf } from "../../lab/text.ts";

type Handlers = {
  readonly [M in Method]: (
    params: Calls[M]["params"],
    signal: AbortSignal,
    emit: (event: Calls[M]["event"]) => void,
  ) => Promise<Calls[M]["result"]>;
};

let session: Session | undefined;
let view: AttentionView | undefined;

const post = (response: Response, transfer: Transferable[] = []): void => {
  (self as unknown as Worker).postMessage(response, transfer);
};

function theSession(): Session {
  if (session === undefined) throw new LabError("internal", "the session has not been opened");
  return session;
}

/** The attention of `text` on the current model, computed unless it is at hand. */
async function viewOf(text: string, signal: AbortSignal): Promise<AttentionView> {
  const { current } = theSession();
  if (view?.text === text && view.isOf(current)) return view;
  view?.dispose();
  view = undefined;
  view = await AttentionView.create(current, text, signal);
  return view;
}

/** Models lie beside the page, wherever the page lies. */
const modelsUrl = (): string => new URL("../models/", self.location.href).href;

const handlers: Handlers = {
  async open() {
    if (session === undefined) {
      session = await Session.open(navigator.gpu);
      session.onLost = (error, recovered) => {
        view = undefined;
        post({ kind: "lost", error, recovered });
      };
    }
    return { adapter: session.adapter, bundled: await readCatalogue(fetchFolder(modelsUrl())) };
  },
  async load({ ref, files }, signal, emit) {
    const [scheme, name] = [ref.slice(0, ref.indexOf(":")), ref.slice(ref.indexOf(":") + 1)];
    const folder = scheme === "bundled" ? fetchFolder(`${modelsUrl()}${encodeURIComponent(name)}`) : fileFolder(files ?? []);
    const onProgress = (bytes: number, totalBytes: number) => emit({ kind: "progress", bytes, totalBytes });
    view?.dispose();
    view = undefined;
    return (await theSession().load(ref, folder, { signal, onProgress })).info;
  },
  async tokenize({ text }) {
    const { current } = theSession();
    const tokenizer = tokenizerOf(current);
    return { tokens: encodePrompt(current, text).map((id) => tokenOf(tokenizer, id)) };
  },
  async generate(params, signal, emit) {
    const steps = generateText(theSession(), params, signal);
    for (;;) {
      const { value, done } = await steps.next();
      if (done) return value;
      emit(value);
    }
  },
  async attention({ text }, signal) {
    return (await viewOf(text, signal)).summary;
  },
  async pattern({ text, layer }, signal) {
    const seen = await viewOf(text, signal);
    return { nHead: seen.summary.nHead, nTokens: seen.summary.tokens.length, pattern: await seen.pattern(layer) };
  },
  async status() {
    return { memory: theSession().gpu.memory.report() };
  },
};

/** Calls run one after another, since they share one device and one current model; `status` only looks. */
let queue: Promise<unknown> = Promise.resolve();
const running = new Map<number, AbortController>();

async function answer<M extends Method>(id: number, method: M, params: Calls[M]["params"], signal: AbortSignal): Promise<void> {
  try {
    if (signal.aborted) throw new LabError("cancelled", "Cancelled.");
    const handler = handlers[method];
    const result = await handler(params, signal, (event) => post({ id, kind: "event", event }));
    post({ id, kind: "result", result });
  } catch (error) {
    post({ id, kind: "error", error: toErrorData(error) });
  } finally {
    running.delete(id);
  }
}

self.addEventListener("message", ({ data }: MessageEvent<Request>) => {
  if (data.kind === "cancel") return running.get(data.id)?.abort();
  const { id, method, params } = data;
  const controller = new AbortController();
  running.set(id, controller);
  const start = () => answer(id, method, params as Calls[typeof method]["params"], controller.signal);
  if (method === "status") void start();
  else queue = queue.then(start);
});
