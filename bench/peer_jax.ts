/**
 * The reference model for `@jax-js/jax`, as one who knows the library would write it: whole functions under
 * `jit`, static shapes, fused q|k|v and gate|up matrices as ours, a cache of fixed capacity written through a
 * mask (the library has no update in place), the sampled id left on the device for the next step. Nothing but
 * the benchmark imports this.
 *
 * Arrays are counted references: a call consumes its arguments, `.ref` keeps one for later.
 */
import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from "@jax-js/jax";
import type { TrainBatch } from "../lm/batch.ts";
import type { LlamaConfig } from "../lm/config.ts";
import type { Contender, Decoded } from "./contender.ts";
import { adamEps, betas, decodePrompt, decodeSteps, learningRate, weightDecay } from "./reference.ts";

type Layer = {
  norm1: np.Array;
  qkv: np.Array;
  o: np.Array;
  norm2: np.Array;
  gateUp: np.Array;
  down: np.Array;
};
type Params = { embed: np.Array; layers: Layer[]; normFinal: np.Array };
type Cache = { k: np.Array; v: np.Array }[];
/** [T, 1, D/2] cosines and sines. */
type Rotation = { cos: np.Array; sin: np.Array };
/** Moments, as the parameters. */
type State = { p: Params; m: Params; v: Params };

const linear = (x: np.Array, w: np.Array): np.Array => np.dot(x, w.transpose());

function rmsNorm(x: np.Array, gain: np.Array, eps: number): np.Array {
  const square = np.mean(np.square(x.ref), -1, { keepdims: true });
  return x.div(np.sqrt(square.add(eps))).mul(gain);
}

/** Rotates halves: [.., T, H, D]. */
function rotate(x: np.Array, { cos, sin }: Rotation): np.Array {
  const [a, b] = np.split(x, 2, -1) as [np.Array, np.Array];
  return np.concatenate([a.ref.mul(cos.ref).sub(b.ref.mul(sin.ref)), b.mul(cos).add(a.mul(sin))], -1);
}

/** One block on rows [B·T, d_model] without cache; also its rotated keys and values [B, T, K, D]. */
function block(
  x: np.Array,
  layer: Layer,
  rotation: Rotation,
  config: LlamaConfig,
  batch: number,
  length: number,
) {
  const { nHead, nKvHead, dHead, normEps } = config;
  const { q, k, v } = project(x.ref, layer, rotation, config, batch, length);
  const z = nn
    .dotProductAttention(q, k.ref, v.ref, { isCausal: true })
    .reshape([batch * length, nHead * dHead]);
  const mid = x.add(linear(z, layer.o));
  return { x: mlp(mid, layer, normEps), k: k.reshape([batch, length, nKvHead, dHead]), v };
}

function project(
  x: np.Array,
  layer: Layer,
  rotation: Rotation,
  config: LlamaConfig,
  batch: number,
  length: number,
) {
  const { nHead, nKvHead, dHead, normEps } = config;
  const [wide, narrow] = [nHead * dHead, nKvHead * dHead];
  const qkv = linear(rmsNorm(x, layer.norm1, normEps), layer.qkv);
  const [q, k, v] = np.split(qkv, [wide, wide + narrow], -1) as [np.Array, np.Array, np.Array];
  return {
    q: rotate(q.reshape([batch, length, nHead, dHead]), { cos: rotation.cos.ref, sin: rotation.sin.ref }),
    k: rotate(k.reshape([batch, length, nKvHead, dHead]), rotation),
    v: v.reshape([batch, length, nKvHead, dHead]),
  };
}

function mlp(x: np.Array, layer: Layer, eps: number): np.Array {
  const [gate, up] = np.split(linear(rmsNorm(x.ref, layer.norm2, eps), layer.gateUp), 2, -1) as [
    np.Array,
    np.Array,
  ];
  return x.add(linear(nn.silu(gate).mul(up), layer.down));
}

const kept = (rotation: Rotation): Rotation => ({ cos: rotation.cos.ref, sin: rotation.sin.ref });
const dropped = (rotation: Rotation): void => {
  rotation.cos.dispose();
  rotation.sin.dispose();
};

/** Residual stream of whole texts; with it the keys and values of every layer. */
function hidden(
  params: Params,
  ids: np.Array,
  rotation: Rotation,
  config: LlamaConfig,
  batch: number,
  length: number,
) {
  let x = params.embed.ref.slice(ids);
  const cache: Cache = [];
  for (const layer of params.layers) {
    const out = block(x, layer, kept(rotation), config, batch, length);
    x = out.x;
    cache.push({ k: out.k, v: out.v });
  }
  dropped(rotation);
  return { x, cache };
}

/** Logits of the last position [V] and the cache, [1, capacity, K, D] a layer. */
function prefillFunction(config: LlamaConfig, capacity: number) {
  return jit((params: Params, ids: np.Array, rotation: Rotation): [np.Array, Cache] => {
    const length = ids.shape[0]!;
    const { x, cache } = hidden(params, ids, rotation, config, 1, length);
    const last = rmsNorm(x.slice([length - 1, length]), params.normFinal, config.normEps);
    const logits = linear(last, params.embed).reshape([config.dVocab]);
    const pad = (a: np.Array): np.Array =>
      capacity === length ? a : np.pad(a, { 1: [0, capacity - length] });
    return [logits, cache.map(({ k, v }) => ({ k: pad(k), v: pad(v) }))];
  });
}

/** One token [1] at position [] → the next greedy id [1] and the cache with the token in it. */
function stepFunction(config: LlamaConfig, capacity: number) {
  const { nHead, dHead, normEps } = config;
  return jit(
    (
      params: Params,
      cache: Cache,
      id: np.Array,
      position: np.Array,
      rotation: Rotation,
    ): [np.Array, Cache] => {
      let x = params.embed.ref.slice(id);
      const slots = np.arange(capacity);
      const isHere = slots.ref.equal(position.ref).reshape([1, capacity, 1, 1]);
      const isSeen = slots.lessEqual(position);
      const next: Cache = params.layers.map((layer, i) => {
        const { q, k, v } = project(x.ref, layer, kept(rotation), config, 1, 1);
        const keys = np.where(isHere.ref, k, cache[i]!.k);
        const values = np.where(isHere.ref, v, cache[i]!.v);
        const z = nn.dotProductAttention(q, keys.ref, values.ref, { mask: isSeen.ref });
        x = mlp(x.add(linear(z.reshape([1, nHead * dHead]), layer.o)), layer, normEps);
        return { k: keys, v: values };
      });
      dropped(rotation);
      isHere.dispose();
      isSeen.dispose();
      const logits = linear(rmsNorm(x, params.normFinal, normEps), params.embed);
      return [np.argmax(logits, -1), next];
    },
  );
}

/** Forward, backward and AdamW in one jitted function; matrices decay, gains and embeddings do not. */
function trainFunction(config: LlamaConfig, batch: number, length: number) {
  const [b1, b2] = betas;
  const loss = (
    params: Params,
    ids: np.Array,
    targets: np.Array,
    weights: np.Array,
    rotation: Rotation,
  ): np.Array => {
    const { x, cache } = hidden(params, ids, rotation, config, batch, length);
    tree.dispose(cache);
    const logits = linear(rmsNorm(x, params.normFinal, config.normEps), params.embed);
    const isTarget = targets.reshape([batch * length, 1]).equal(np.arange(config.dVocab));
    const picked = np.where(isTarget, logits.ref, 0).sum(-1);
    return nn.logsumexp(logits, -1).sub(picked).mul(weights).sum();
  };
  const update = (
    p: np.Array,
    m: np.Array,
    v: np.Array,
    g: np.Array,
    c: readonly [np.Array, np.Array],
    decay: number,
  ) => {
    const m1 = m.mul(b1).add(g.ref.mul(1 - b1));
    const v1 = v.mul(b2).add(np.square(g).mul(1 - b2));
    const direction = m1.ref.mul(c[0].ref).div(np.sqrt(v1.ref.mul(c[1].ref)).add(adamEps));
    return [p.mul(1 - learningRate * decay).sub(direction.mul(learningRate)), m1, v1] as const;
  };
  return jit(
    (
      { p, m, v }: State,
      ids: np.Array,
      targets: np.Array,
      weights: np.Array,
      rotation: Rotation,
      c1: np.Array,
      c2: np.Array,
    ): [np.Array, State] => {
      const [value, gradients] = valueAndGrad(loss)(tree.ref(p), ids, targets, weights, rotation);
      const [ps, structure] = tree.flatten(p);
      const [ms, vs, gs] = [m, v, gradients as Params].map((t) => tree.leaves(t)) as [
        np.Array[],
        np.Array[],
        np.Array[],
      ];
      const embed = ps.indexOf(p.embed);
      const updated = ps.map((leaf, i) =>
        update(
          leaf,
          ms[i]!,
          vs[i]!,
          gs[i]!,
          [c1, c2],
          leaf.shape.length > 1 && i !== embed ? weightDecay : 0,
        ),
      );
      c1.dispose();
      c2.dispose();
      const [p1, m1, v1] = [0, 1, 2].map(
        (k) =>
          tree.unflatten(
            structure,
            updated.map((u) => u[k]!),
          ) as Params,
      );
      return [value, { p: p1!, m: m1!, v: v1! }];
    },
  );
}

function parameters(config: LlamaConfig, weights: ReadonlyMap<string, Float32Array<ArrayBuffer>>): Params {
  const { dModel } = config;
  const take = (...names: string[]): np.Array => {
    const parts = names.map((name) => weights.get(`model.${name}.weight`)!);
    const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let offset = 0;
    for (const part of parts) {
      all.set(part, offset);
      offset += part.length;
    }
    return np.array(all);
  };
  const matrix = (width: number, ...names: string[]): np.Array => take(...names).reshape([-1, width]);
  const layers = Array.from({ length: config.nLayer }, (_, i): Layer => {
    const [attn, feed] = [`layers.${i}.self_attn`, `layers.${i}.mlp`];
    return {
      norm1: take(`layers.${i}.input_layernorm`),
      qkv: matrix(dModel, `${attn}.q_proj`, `${attn}.k_proj`, `${attn}.v_proj`),
      o: matrix(config.nHead * config.dHead, `${attn}.o_proj`),
      norm2: take(`layers.${i}.post_attention_layernorm`),
      gateUp: matrix(dModel, `${feed}.gate_proj`, `${feed}.up_proj`),
      down: matrix(config.dMlp, `${feed}.down_proj`),
    };
  });
  return { embed: matrix(dModel, "embed_tokens"), layers, normFinal: take("norm") };
}

function rotations(config: LlamaConfig, from: number, length: number): Rotation {
  const half = config.dHead / 2;
  const angle = (i: number): number =>
    (from + Math.floor(i / half)) * config.ropeTheta ** (-(i % half) / half);
  const table = (f: (x: number) => number): np.Array =>
    np.array(Float32Array.from({ length: length * half }, (_, i) => f(angle(i)))).reshape([length, 1, half]);
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

const zerosLike = (params: Params): Params => tree.map((a: np.Array) => np.zerosLike(a), params) as Params;

const integers = (values: ArrayLike<number>): np.Array =>
  np.array(Int32Array.from(values), { dtype: np.int32 });

/** The peer on WebGPU, or null where it finds none. Only tied embeddings. */
export async function openJax(
  config: LlamaConfig,
  weights: ReadonlyMap<string, Float32Array<ArrayBuffer>>,
  prompt: Uint32Array<ArrayBuffer>,
): Promise<Contender | null> {
  if (!(await init("webgpu")).includes("webgpu")) return null;
  defaultDevice("webgpu");
  const params = parameters(config, weights);
  const capacity = decodePrompt + decodeSteps + 1;
  const [prefill, prefillShort] = [prefillFunction(config, prompt.length), prefillFunction(config, capacity)];
  const step = stepFunction(config, capacity);
  const here = Array.from({ length: capacity }, (_, t) => ({
    position: integers([t]).reshape([]),
    rotation: rotations(config, t, 1),
  }));
  const [long, short] = [rotations(config, 0, prompt.length), rotations(config, 0, decodePrompt)];
  let learner: { train: ReturnType<typeof trainFunction>; state: State; rotation: Rotation } | undefined;
  let nSteps = 0;
  await blockUntilReady(params);

  return {
    name: "jax-js",
    prefill: async () => {
      const [logits, cache] = prefill(tree.ref(params), integers(prompt), kept(long));
      tree.dispose(cache);
      return (await logits.data()) as Float32Array;
    },
    decode: async (ids, n): Promise<Decoded> => {
      const [logits, first] = prefillShort(tree.ref(params), integers(ids), kept(short));
      let cache = first;
      let id = np.argmax(logits, -1).reshape([1]);
      const out = [Number((await id.ref.data())[0])];
      const started = performance.now();
      // As ours: the next step is queued before the id of this one has arrived.
      let pending: Promise<ArrayLike<number>> | undefined;
      for (let i = 0; i < n; i++) {
        const { position, rotation } = here[ids.length + i]!;
        [id, cache] = step(tree.ref(params), cache, id, position.ref, kept(rotation));
        const arriving = id.ref.data();
        if (pending !== undefined) out.push(Number((await pending)[0]));
        pending = arriving;
      }
      if (pending !== undefined) out.push(Number((await pending)[0]));
      const ms = performance.now() - started;
      id.dispose();
      tree.dispose(cache);
      return { ids: out, ms };
    },
    trainStep: async ({ rows, length, ids, targets, weights: share }: TrainBatch) => {
      learner ??= {
        train: trainFunction(config, rows, length),
        state: { p: tree.ref(params), m: zerosLike(tree.ref(params)), v: zerosLike(tree.ref(params)) },
        rotation: rotations(config, 0, length),
      };
      nSteps++;
      const corrections = betas.map((b) => np.array(1 / (1 - b ** nSteps)));
      const inputs = [integers(ids), integers(targets), np.array(new Float32Array(share))] as const;
      const [loss, state] = learner.train(
        learner.state,
        ...inputs,
        kept(learner.rotation),
        corrections[0]!,
        corrections[1]!,
      );
      learner.state = state;
      // The reading waits for everything queued before it, the update included.
      return Number((await loss.data())[0]);
    },
    dispose: () => {
      tree.dispose(params);
      if (learner) tree.dispose(learner.state);
    },
  };
}
