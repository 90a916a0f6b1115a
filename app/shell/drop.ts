/** Files and folders dropped on the page. */

export interface Dropped {
  readonly files: readonly File[];
  /** Name of the dropped folder, where one was dropped. */
  readonly folder: string | null;
}

const fileOf = (entry: FileSystemFileEntry): Promise<File> =>
  new Promise((resolve, reject) => entry.file(resolve, reject));

async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  // A reader gives a hundred entries at a time and then none.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return all;
    all.push(...some);
  }
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

/** What lies directly in what was dropped; folders within folders are left alone. */
export async function filesOf(data: DataTransfer): Promise<Dropped> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const folder = entries.find(isFolder);
  const inside = await Promise.all(entries.filter(isFolder).map(entriesOf));
  const files = await Promise.all([...entries, ...inside.flat()].filter(isFile).map(fileOf));
  return { files, folder: folder?.name ?? null };
}
