/** The files among what was dropped or pasted, those in folders too. */

const ASIDE = /^\./; // what a system keeps for itself in a folder
const paths = new WeakMap(); // file -> its path from where it was dropped

/** What a file is called: its path in the folder that was dropped, else its name. */
export const pathOf = (file) => paths.get(file) ?? file.name;

/** Files of `transfer`; a folder's in the order of their names. */
export async function filesIn(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
  const found = [];
  for (const entry of entries) if (entry) await walk(entry, found);
  return found;
}

async function walk(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    paths.set(file, entry.fullPath.replace(/^\//, ""));
    found.push(file);
    return;
  }
  const inside = (await contents(entry.createReader())).filter(({ name }) => !ASIDE.test(name));
  for (const one of inside.sort((a, b) => a.name.localeCompare(b.name))) await walk(one, found);
}

/** All entries of a folder: the browser gives them a hundred at a time. */
async function contents(reader) {
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}
