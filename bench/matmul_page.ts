/** `measureMatmul` in the page that `bench/matmul.ts` opens. */
import { type MatmulBench, type MeasureOptions, measureMatmul } from "./matmul_measure.ts";

export const run = (options: MeasureOptions): Promise<MatmulBench> => measureMatmul(navigator.gpu, options);
