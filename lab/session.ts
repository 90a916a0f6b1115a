/**
 * One session owns a device and the models on it. The page's worker and the command line are two thin doors to
 * it, so both compute the same.
 */
import { Gpu } from "../gpu/gpu.ts";
import { add } from "../gpu/ops/add.ts";
import { LabError, type ErrorData } from "../lib/errors.ts";
import { readText, type Folder } from "../lm/checkpoint/source.ts";
import { countParameters, memoryBytes } from "../lm/config.ts";
import { Decoder } from "../lm/generate.ts";
import { loadModel, type LoadOptions, openModel } from "../lm/load.ts";
import { loadTokenizer, type Tokenizer } from "../lm/tokenizer.ts";
import type { Transformer } from "../lm/transformer.ts";
import type { AdapterInfo, ModelInfo, ModelRef } from "./protocol.ts";

const maxTokenizerBytes = 64 << 20;

/** A model on the device with what belongs to it. */
export interface LoadedModel {
  readonly ref: ModelRef;
  readonly model: Transformer;
  readonly tokenizer: Tokenizer | undefined;
  readonly info: ModelInfo;
}

/** Tries at getting a new device after one was lost. */
const maxRecoveries = 3;

export class Session {
  /** Called when the device is lost; `recovered` says that a new one is there, without any model. */
  onLost: (error: ErrorData, recovered: boolean) => void = () => undefined;
  private readonly provider: GPU;
  private device: Gpu;
  private loaded: LoadedModel | undefined;
  private decoder: Decoder | undefined;
  private nRecoveries = 0;
  private isClosed = false;

  private constructor(provider: GPU, device: Gpu) {
    this.provider = provider;
    this.device = device;
    this.watch(device);
  }

  /** Opens the fastest adapter and checks that it computes. Throws `no-adapter`, `internal`. */
  static async open(provider: GPU): Promise<Session> {
    const device = await Gpu.open(provider);
    await probe(device);
    return new Session(provider, device);
  }

  get gpu(): Gpu {
    return this.device;
  }

  get adapter(): AdapterInfo {
    const { adapter, features } = this.device;
    return { ...adapter, f16: features.f16, subgroups: features.subgroups };
  }

  /** The model on the device. Throws `not-found` when there is none. */
  get current(): LoadedModel {
    if (this.loaded === undefined) throw new LabError("not-found", "no model is loaded", "Choose a model.");
    return this.loaded;
  }

  /** Loads a model in place of the current one, which stays until the new one is whole. */
  async load(ref: ModelRef, folder: Folder, options: LoadOptions = {}): Promise<LoadedModel> {
    const opened = await openModel(folder, options.signal);
    const tokenizer = await readTokenizer(folder, options.signal);
    if (tokenizer !== undefined && tokenizer.vocabSize > opened.config.dVocab) {
      throw new LabError(
        "bad-file",
        `tokenizer.json has ids up to ${tokenizer.vocabSize - 1}, the model's vocabulary is ${opened.config.dVocab}`,
        "Take both files from the same model.",
      );
    }
    const model = await loadModel(this.device, opened, options);
    const sha256 = await opened.checkpoint.sha256(options.signal).catch((error: unknown) => {
      model.dispose();
      throw error;
    });
    this.unload();
    const { config } = model;
    const { weights, kvPerToken } = memoryBytes(config, "f32");
    const { nLayer, nHead, nKvHead, dModel, dHead, dMlp, dVocab, nCtx } = config;
    const sizes = { nLayer, nHead, nKvHead, dModel, dHead, dMlp, dVocab, nCtx, nParams: countParameters(config) };
    const info: ModelInfo = {
      ref,
      family: "llama",
      ...sizes,
      weightBytes: weights,
      kvBytesPerToken: kvPerToken,
      sha256,
      hasTokenizer: tokenizer !== undefined,
    };
    this.loaded = { ref, model, tokenizer, info };
    return this.loaded;
  }

  /** Frees the current model, if there is one. */
  unload(): void {
    this.decoder?.dispose();
    this.decoder = undefined;
    this.loaded?.model.dispose();
    this.loaded = undefined;
    this.device.memory.trim();
  }

  /** The current model made ready to continue a text `n` times; kept for the next call of the same kind. */
  async decoderFor(n: number, nTop: number): Promise<Decoder> {
    const { model } = this.current;
    if (this.decoder?.n === n && this.decoder.nTop === nTop && this.decoder.model === model) return this.decoder;
    this.decoder?.dispose();
    this.decoder = undefined;
    this.decoder = await Decoder.create(model, n, nTop);
    return this.decoder;
  }

  close(): void {
    this.isClosed = true;
    this.device.destroy();
  }

  private watch(device: Gpu): void {
    void device.lost.then(async ({ message }) => {
      if (this.isClosed) return;
      this.loaded = undefined;
      this.decoder = undefined;
      const why = `The graphics device was lost${message ? ` (${message})` : ""}.`;
      while (this.nRecoveries < maxRecoveries) {
        this.nRecoveries++;
        try {
          this.device = await Gpu.open(this.provider);
          await probe(this.device);
          this.watch(this.device);
          return this.onLost({ code: "device-lost", message: why }, true);
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 500 * this.nRecoveries));
        }
      }
      this.onLost({ code: "device-lost", message: why, hint: "Reload the page." }, false);
    });
  }
}

/** Runs one small sum on the device and compares: a driver that lies is found before anybody trusts a figure. */
async function probe(gpu: Gpu): Promise<void> {
  const values = Float32Array.from({ length: 97 }, (_, i) => i - 48);
  const x = gpu.upload(values, [97], "probe");
  const [doubled] = await gpu.guarded("the first computation", () => gpu.compute("probe", (r) => [add(r, x, x)]));
  gpu.free(x);
  if (values.some((v, i) => doubled![i] !== 2 * v)) {
    throw new LabError("unsupported", "This graphics adapter computes wrong numbers.", "Update its driver or try another browser.");
  }
}

/** The tokenizer of a folder in Hugging Face layout, if it has one. Throws `bad-file`, `unsupported`, `cancelled`. */
export async function readTokenizer(folder: Folder, signal: AbortSignal | undefined): Promise<Tokenizer | undefined> {
  const file = await folder.open("tokenizer.json", signal);
  if (file === undefined) return undefined;
  const config = await folder.open("tokenizer_config.json", signal);
  const text = await readText(file, maxTokenizerBytes, signal);
  return loadTokenizer(text, config && (await readText(config, maxTokenizerBytes, signal)));
}
