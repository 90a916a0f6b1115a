/** How to launch a Chromium with WebGPU on this machine, for Playwright. */
export function launchOptions(): { executablePath?: string; args: string[] };
