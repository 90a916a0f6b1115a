/** The process around `main`: real streams, Ctrl-C, exit code. Bundled and started by `launch.mjs`. */
import process from "node:process";
import { exitCodes, main } from "./run.ts";

const controller = new AbortController();

/** The first signal asks the command to stop; the second does not ask. */
function stop(): void {
  if (controller.signal.aborted) process.exit(exitCodes.interrupted);
  process.stderr.write("\nstopping …\n");
  controller.abort();
}
process.on("SIGINT", stop);
process.on("SIGTERM", stop);

// Whoever reads our output may stop reading (`| head`): that is no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? exitCodes.success : exitCodes.failure);
});

const code = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: controller.signal,
});
// Standard output may be a pipe that is still being read; Dawn's threads would keep the process alive.
process.stdout.write("", () => process.exit(code));
