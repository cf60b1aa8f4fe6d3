/** ZIP archives of files that are compressed already. */

const [LOCAL, CENTRAL, END] = [0x04034b50, 0x02014b50, 0x06054b50];
const [VERSION, UTF8] = [20, 0x0800];
const MOST = 2 ** 32 - 2 ** 20; // bytes, as the format without extensions has it

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** Files are added one by one; the browser keeps them where it keeps blobs, on the disk when they are many. */
export class Zip {
  #parts = [];
  #entries = []; // of the directory at the end
  #names = new Set();
  #size = 0;

  /** Whether `bytes` more have room. */
  fits(bytes) {
    return this.#size + bytes < MOST && this.#entries.length < 65_000;
  }

  /** Add a Blob; a `name` that is taken gets a number. */
  async add(name, blob) {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const path = new TextEncoder().encode(this.#free(name));
    const about = [VERSION, UTF8, 0, ...now(), crc(bytes), blob.size, blob.size, path.length, 0];
    const head = record([LOCAL, ...about], [4, 2, 2, 2, 2, 2, 4, 4, 4, 2, 2]);
    const entry = [CENTRAL, VERSION, ...about, 0, 0, 0, 0, this.#size];
    this.#entries.push(record(entry, [4, 2, 2, 2, 2, 2, 2, 4, 4, 4, 2, 2, 2, 2, 2, 4, 4]), path);
    this.#parts.push(head, path, blob);
    this.#size += head.length + path.length + blob.size;
  }

  blob() {
    const length = this.#entries.reduce((sum, part) => sum + part.length, 0);
    const count = this.#entries.length / 2;
    const end = record([END, 0, 0, count, count, length, this.#size, 0], [4, 2, 2, 2, 2, 4, 4, 2]);
    return new Blob([...this.#parts, ...this.#entries, end], { type: "application/zip" });
  }

  #free(name) {
    const [, stem, ending] = /^(.*?)(\.[^.]*)?$/s.exec(name);
    let free = name;
    for (let number = 2; this.#names.has(free); number += 1) free = `${stem} (${number})${ending ?? ""}`;
    this.#names.add(free);
    return free;
  }
}

/** Numbers one after the other, little end first, each in as many bytes as `widths` has for it. */
function record(values, widths) {
  const bytes = [];
  for (const [index, value] of values.entries()) {
    for (let byte = 0; byte < widths[index]; byte += 1) bytes.push((value >>> (8 * byte)) & 0xff);
  }
  return Uint8Array.from(bytes);
}

/** Time and date as MS-DOS has them. */
function now() {
  const at = new Date();
  const time = (at.getHours() << 11) | (at.getMinutes() << 5) | (at.getSeconds() >> 1);
  return [time, ((at.getFullYear() - 1980) << 9) | ((at.getMonth() + 1) << 5) | at.getDate()];
}

function crc(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
