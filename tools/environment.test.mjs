// @ts-check
import { describe, expect, test } from "vitest";
import {
  backportsSource,
  candidateVersion,
  chromiumPlan,
  majorVersion,
  mesaPlan,
  osField,
  parseSources,
} from "./apt.mjs";
import { chromiumFlags } from "./browser.mjs";
import { chromiumCandidates, chromiumMajor } from "./chromium.mjs";
import { planLines } from "./environment.mjs";
import { missingPackages } from "./packages.mjs";
import { commandLine } from "./shell.mjs";
import { openCommand } from "./start.mjs";
import { chooseDriver, describeAdapter, driverCandidates, kindOf } from "./vulkan.mjs";

const deb822 = `Types: deb
# a comment with URIs: in it
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /keys/debian.gpg

Types: deb-src
URIs: http://mirror.test/sources
Suites: bookworm
Components: main

Types: deb
URIs: http://mirror.test/debian-security
 http://other.test/debian-security
Suites: bookworm-security
Components: main contrib
`;
const debian = parseSources(deb822, "sources");

describe("package sources", () => {
  test("of deb822 files: binary packages only, several addresses, comments", () => {
    expect(debian).toEqual([
      {
        uri: "http://mirror.test/debian",
        suites: ["bookworm", "bookworm-updates"],
        components: ["main"],
        signedBy: "/keys/debian.gpg",
      },
      {
        uri: "http://mirror.test/debian-security",
        suites: ["bookworm-security"],
        components: ["main", "contrib"],
        signedBy: undefined,
      },
      {
        uri: "http://other.test/debian-security",
        suites: ["bookworm-security"],
        components: ["main", "contrib"],
        signedBy: undefined,
      },
    ]);
  });
  test("of one-line files", () => {
    const text =
      "# deb http://no.test/debian x main\ndeb [arch=amd64 signed-by=/keys/d.gpg] http://m.test/debian bookworm main contrib\ndeb-src http://m.test/debian bookworm main\n";
    expect(parseSources(text, "list")).toEqual([
      {
        uri: "http://m.test/debian",
        suites: ["bookworm"],
        components: ["main", "contrib"],
        signedBy: "/keys/d.gpg",
      },
    ]);
    expect(parseSources("deb http://m.test/debian bookworm main", "list")[0]?.signedBy).toBeUndefined();
  });
  test("that are switched off do not count", () => {
    expect(
      parseSources(
        "Enabled: no\nTypes: deb\nURIs: http://m.test/d\nSuites: bookworm\nComponents: main",
        "sources",
      ),
    ).toEqual([]);
  });
  test("give the backports their own address and key", () => {
    expect(backportsSource(debian, "bookworm")).toBe(
      "Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm-backports\nComponents: main\nSigned-By: /keys/debian.gpg\n",
    );
    const unsigned = debian.map((s) => ({ ...s, signedBy: undefined }));
    expect(backportsSource(unsigned, "bookworm")).not.toContain("Signed-By");
  });
  test("give none where they are already there, or the release is served by none", () => {
    const there = {
      uri: "http://m.test/d",
      suites: ["bookworm-backports"],
      components: ["main"],
      signedBy: undefined,
    };
    expect(backportsSource([...debian, there], "bookworm")).toBeNull();
    expect(backportsSource(debian, "trixie")).toBeNull();
    expect(backportsSource([], "bookworm")).toBeNull();
  });
});

/** @param {string} candidate */
const policy = (candidate) =>
  `mesa-vulkan-drivers:\n  Installed: (none)\n  Candidate: ${candidate}\n  Version table:\n`;

describe("plans for Mesa", () => {
  const bookworm = { codename: "bookworm", distribution: "debian", sources: debian };
  const install = ["apt-get", "install", "-y", "--no-install-recommends"];
  test("the release's own where it is new enough", () => {
    expect(mesaPlan({ ...bookworm, codename: "trixie", policy: policy("25.0.7-2") })).toEqual({
      commands: [
        ["apt-get", "update"],
        [...install, "mesa-vulkan-drivers"],
      ],
    });
    expect(
      mesaPlan({
        ...bookworm,
        codename: "noble",
        distribution: "ubuntu",
        policy: policy("1:24.0.5-1ubuntu1"),
      }),
    ).not.toBeNull();
  });
  test("Debian 12's comes from its backports, added when they are missing", () => {
    const plan = mesaPlan({ ...bookworm, policy: policy("22.3.6-1+deb12u1") });
    expect(plan?.file?.path).toBe("/etc/apt/sources.list.d/bookworm-backports.sources");
    expect(plan?.file?.text).toContain("URIs: http://mirror.test/debian\n");
    expect(plan?.commands).toEqual([
      ["apt-get", "update"],
      [...install, "-t", "bookworm-backports", "mesa-vulkan-drivers"],
    ]);
    const there = {
      uri: "http://m.test/d",
      suites: ["bookworm-backports"],
      components: ["main"],
      signedBy: undefined,
    };
    const known = mesaPlan({ ...bookworm, sources: [...debian, there], policy: policy("22.3.6-1+deb12u1") });
    expect(known?.file).toBeUndefined();
    expect(known?.commands).toEqual(plan?.commands);
  });
  test("none where the release has no newer one", () => {
    expect(mesaPlan({ ...bookworm, codename: "bullseye", policy: policy("20.3.5-1") })).toBeNull();
    expect(
      mesaPlan({ ...bookworm, codename: "jammy", distribution: "ubuntu", policy: policy("23.2.1-1") }),
    ).toBeNull();
    expect(mesaPlan({ ...bookworm, sources: [], policy: policy("(none)") })).toBeNull();
  });
  test("as lines to paste", () => {
    const plan = mesaPlan({ ...bookworm, policy: policy("22.3.6-1") });
    expect(plan && planLines(plan)).toEqual([
      "printf 'Types: deb\\nURIs: http://mirror.test/debian\\nSuites: bookworm-backports\\nComponents: main\\nSigned-By: /keys/debian.gpg\\n' | sudo tee /etc/apt/sources.list.d/bookworm-backports.sources",
      "sudo apt-get update",
      "sudo apt-get install -y --no-install-recommends -t bookworm-backports mesa-vulkan-drivers",
    ]);
  });
});

describe("versions", () => {
  test("of packages", () => {
    expect(candidateVersion(policy("25.0.7-2~bpo12+1"))).toBe("25.0.7-2~bpo12+1");
    expect(candidateVersion(policy("(none)"))).toBeNull();
    expect(candidateVersion("N: Unable to locate package x")).toBeNull();
    expect(majorVersion("1:24.0.5-1ubuntu1")).toBe(24);
    expect(majorVersion("22.3.6-1+deb12u1")).toBe(22);
    expect(majorVersion("none")).toBeNull();
  });
  test.each([
    ["Chromium 156.0.8078.79 built on Debian GNU/Linux 12 (bookworm)", 156],
    ["Google Chrome 121.0.6167.85 ", 121],
    ["Google Chrome for Testing 140.0.7339.16", 140],
    ["Microsoft Edge 130.0.2849.46", 130],
    ["Mozilla Firefox 141.0", null],
    ["Command '/usr/bin/chromium-browser' requires the chromium snap to be installed.", null],
    ["", null],
  ])("of %s", (text, major) => {
    expect(chromiumMajor(text)).toBe(major);
  });
  test("of the system", () => {
    const text =
      'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n';
    expect(osField(text, "VERSION_CODENAME")).toBe("bookworm");
    expect(osField(text, "ID")).toBe("debian");
    expect(osField(text, "NAME")).toBe("");
  });
});

describe("Chromium", () => {
  /** @type {Record<string, string[]>} */
  const folders = {
    "/h/.cache/ms-playwright": ["chromium-99", "chromium-1200", "firefox-1", "chromium_headless_shell-1200"],
    "/h/.cache/ms-playwright/chromium-1200": ["chrome-linux64", "INSTALLATION_COMPLETE"],
    "/h/.cache/ms-playwright/chromium-99": ["chrome-linux"],
  };
  const list = (/** @type {string} */ f) => folders[f] ?? [];
  test("CHROME_PATH is the only one where it is set", () => {
    expect(
      chromiumCandidates({ platform: "linux", env: { CHROME_PATH: "/c", PATH: "/bin" }, home: "/h", list }),
    ).toEqual(["/c"]);
  });
  test("those on the machine before Playwright's, and its newest first", () => {
    const found = chromiumCandidates({ platform: "linux", env: { PATH: "/a:/b" }, home: "/h", list });
    expect(found.slice(0, 2)).toEqual(["/a/chromium", "/b/chromium"]);
    expect(found.slice(-2)).toEqual([
      "/h/.cache/ms-playwright/chromium-1200/chrome-linux64/chrome",
      "/h/.cache/ms-playwright/chromium-99/chrome-linux/chrome",
    ]);
  });
  test("on macOS and Windows", () => {
    expect(chromiumCandidates({ platform: "darwin", env: {}, home: "/h", list })[0]).toBe(
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    );
    expect(chromiumCandidates({ platform: "win32", env: { PROGRAMFILES: "P:" }, home: "/h", list })[0]).toBe(
      "P:\\Google\\Chrome\\Application\\chrome.exe",
    );
  });
  test("as a package, unless it is a stub for another package manager", () => {
    expect(
      chromiumPlan({ policy: policy("156.0.8078.79-1~deb12u1") })
        ?.commands.at(-1)
        ?.at(-1),
    ).toBe("chromium");
    expect(chromiumPlan({ policy: policy("2:1snap1-0ubuntu2") })).toBeNull();
    expect(chromiumPlan({ policy: "" })).toBeNull();
  });
  test("flags", () => {
    expect(chromiumFlags("swiftshader", "linux")).toEqual([
      "--enable-unsafe-webgpu",
      "--use-webgpu-adapter=swiftshader",
    ]);
    for (const platform of ["linux", "darwin", "win32"]) {
      expect(chromiumFlags("gpu", platform)).not.toContain("--use-webgpu-adapter=swiftshader");
    }
  });
});

describe("Vulkan drivers", () => {
  /** @param {string} vendor @param {string} description */
  const info = (vendor, description) => ({ vendor, architecture: "", device: "", description, features: [] });
  const lavapipe = info("mesa", "llvmpipe: Mesa 25.0.7 (LLVM 15.0.6)");
  const swiftShader = info("google", "SwiftShader driver 5.0.0");
  const gpu = info("nvidia", "NVIDIA RTX 4090");
  /** @param {ReturnType<typeof info>} adapter @param {string} [files] */
  const found = (adapter, files) => ({ driver: { name: "", files }, adapter, kind: kindOf(adapter) });

  test("are told apart", () => {
    expect([lavapipe, swiftShader, gpu].map(kindOf)).toEqual(["lavapipe", "swiftshader", "gpu"]);
    expect(describeAdapter(found(gpu))).toBe("GPU: NVIDIA RTX 4090");
    expect(describeAdapter({ ...found(lavapipe), adapter: { ...lavapipe, features: ["shader-f16"] } })).toBe(
      "software adapter: llvmpipe: Mesa 25.0.7 (LLVM 15.0.6) (shader-f16)",
    );
  });
  test("are tried in order: the system's, lavapipe, SwiftShader", () => {
    const icds = ["/i/intel_icd.json", "/i/lvp_icd.x86_64.json", "/c/vk_swiftshader_icd.json"];
    expect(driverCandidates({ platform: "linux", env: {}, icds }).map((d) => d.files)).toEqual([
      undefined,
      "/i/lvp_icd.x86_64.json",
      "/c/vk_swiftshader_icd.json",
    ]);
  });
  test("the user's choice is the only one, and other systems have nothing to choose", () => {
    const icds = ["/i/lvp_icd.json"];
    for (const env of [{ VK_DRIVER_FILES: "/mine" }, { VK_ICD_FILENAMES: "/mine" }]) {
      const only = driverCandidates({ platform: "linux", env, icds });
      expect(only).toEqual([{ name: "VK_DRIVER_FILES=/mine", files: undefined }]);
    }
    expect(driverCandidates({ platform: "darwin", env: {}, icds })).toHaveLength(1);
  });
  test("a GPU wins over lavapipe, and that over SwiftShader", () => {
    expect(chooseDriver([found(swiftShader, "s"), found(lavapipe, "l"), found(gpu)])?.kind).toBe("gpu");
    expect(chooseDriver([found(swiftShader, "s"), found(lavapipe, "l")])?.driver.files).toBe("l");
    expect(chooseDriver([found(swiftShader, "s")])?.kind).toBe("swiftshader");
    expect(chooseDriver([found(lavapipe, "1"), found(lavapipe, "2")])?.driver.files).toBe("1");
    expect(chooseDriver([])).toBeNull();
  });
});

describe("packages", () => {
  const wanted = {
    packages: {
      "": { version: "0.1.0" },
      "node_modules/a": { version: "1.0.0" },
      "node_modules/a/node_modules/b": { version: "2.0.0" },
      "node_modules/c-darwin": { version: "1.0.0", optional: true, os: ["darwin"] },
    },
  };
  test("nothing is missing when all versions are there, whatever the platform's", () => {
    const installed = {
      packages: {
        "node_modules/a": { version: "1.0.0" },
        "node_modules/a/node_modules/b": { version: "2.0.0" },
      },
    };
    expect(missingPackages(wanted, installed)).toEqual([]);
  });
  test("another version or none is missing", () => {
    expect(missingPackages(wanted, { packages: { "node_modules/a": { version: "1.0.1" } } })).toEqual([
      "a@1.0.0",
      "b@2.0.0",
    ]);
    expect(missingPackages(wanted, {})).toHaveLength(2);
  });
});

test("commands are quoted for a shell", () => {
  expect(commandLine(["apt-get", "install", "a b", "it's", "~/x"])).toBe(
    "apt-get install 'a b' 'it'\\''s' ~/x",
  );
});

describe("opening a browser", () => {
  const url = "http://localhost:4300/";
  test("where there is a desktop", () => {
    expect(openCommand("linux", { DISPLAY: ":0" }, url)).toEqual(["xdg-open", url]);
    expect(openCommand("linux", { WAYLAND_DISPLAY: "w" }, url)).toEqual(["xdg-open", url]);
    expect(openCommand("darwin", {}, url)).toEqual(["open", url]);
    expect(openCommand("win32", {}, url)?.at(-1)).toBe(url);
  });
  test("not in CI, over SSH or without a screen", () => {
    expect(openCommand("linux", {}, url)).toBeNull();
    expect(openCommand("linux", { CI: "1", DISPLAY: ":0" }, url)).toBeNull();
    expect(openCommand("darwin", { SSH_CONNECTION: "x" }, url)).toBeNull();
  });
});
