/** The server's verbs over HTTP. A busy server is asked again when it said; whatever else fails is an ApiError.
 *  Addresses are relative to the page: a proxy may have put both under a path of its own.
 *
 *  Every call says which gallery the page shows, as numbers of people and references mean others in another one: the
 *  server may have been started with it meanwhile. */

const TRIES = 4;
export const ANOTHER = "another-gallery";
const BUSY = new Set(["server-busy", "gallery-busy", "rate-limited"]);

/** `code` and `message` as the server's error body has them; `details` is the whole of it. */
export class ApiError extends Error {
  constructor(details, status = 0) {
    super(details.message);
    this.code = details.code;
    this.status = status;
    this.details = details;
  }
}

/** Told when the server lets us wait ("busy", detail: seconds), answers again ("answered"), asks for a key ("key"), has
 * another gallery than the page ("another"). */
export const server = new EventTarget();
const announce = (type, detail) => server.dispatchEvent(new CustomEvent(type, { detail }));

const OUR_GALLERY = "Facepipe-Gallery";
const FOR_ALL = ["session", "gallery"]; // paths that are asked before it is known
let uuid = null; // the gallery that the page shows, from the first answer on until it is loaded anew

/** The uuid of the gallery that the page shows; null while nobody was ever enrolled. */
async function ours(signal) {
  if (uuid === null) {
    const found = await ask("GET", "gallery", { signal });
    uuid ??= found.uuid;
  }
  return uuid;
}

/** There is another gallery now: what was asked for is never answered, and the page is over. */
export function another() {
  announce("another");
  return new Promise(() => undefined);
}

/** Ask `path` below /api/v1. `json` or `form` is the body. Returns the answer's JSON, null where there is none, or with
 * `blob` the answer as it is. */
export async function ask(method, path, { json, form, query, signal, read } = {}) {
  const body = json === undefined ? form : JSON.stringify(json);
  const headers = json === undefined ? {} : { "Content-Type": "application/json" };
  const search = query === undefined ? "" : `?${new URLSearchParams(query)}`;
  for (let attempt = 1; ; attempt += 1) {
    const meant = FOR_ALL.includes(path) ? uuid : await ours(signal);
    if (meant !== null) headers[OUR_GALLERY] = meant;
    const response = await reach(`api/v1/${path}${search}`, { method, body, headers, signal });
    if (response.ok) {
      announce("answered");
      if (read) return read(response);
      return response.status === 204 ? null : response.json();
    }
    const error = await failure(response);
    if (error.code === ANOTHER) return another();
    if (error.status === 401 && !path.startsWith("session")) announce("key");
    if (!BUSY.has(error.code) || attempt === TRIES) {
      announce("answered");
      throw error;
    }
    const seconds = Number(error.details.retry_after ?? response.headers.get("Retry-After") ?? attempt);
    announce("busy", seconds);
    await pause(seconds * 1000, signal);
  }
}

async function reach(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ code: "connection-lost", message: "The server does not answer." });
  }
}

async function failure(response) {
  try {
    return new ApiError((await response.json()).error, response.status);
  } catch {
    return new ApiError({ code: "unexpected", message: `HTTP ${response.status}` }, response.status);
  }
}

/** Wait; an aborted `signal` ends the wait with its AbortError. */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}

function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of fields) {
    if (value === undefined || value === null) continue;
    if (value instanceof Blob) form.append(name, value, value.name ?? "camera.jpg");
    else form.append(name, String(value));
  }
  return form;
}

export const session = () => ask("GET", "session");
export const signIn = (key) => ask("POST", "session", { json: { key } });
export const signOut = () => ask("DELETE", "session");

export const identify = (image, signal) =>
  ask("POST", "identify", {
    form: formOf([
      ["image", image],
      ["top", 3],
    ]),
    signal,
  });
export const detect = (image, signal) => ask("POST", "detect", { form: formOf([["image", image]]), signal });

/** What the browser cannot show, as a JPEG {blob, full: [w, h]}, `full` being the size of the picture itself. */
export const preview = (image) => ask("POST", "preview", { form: formOf([["image", image]]), read: shown });

async function shown(response) {
  return { blob: await response.blob(), full: response.headers.get("Picture-Size").split("x").map(Number) };
}

/** Enrol those of `images` (Blobs) that are good as `name`. `at` "x,y" or "x,y;x,y" says which face, for all or each. */
export const enroll = ({ name, anyway, consent, images, at }) => {
  const fields = images.map((image) => ["images", image]);
  const about = { name, anyway, consent, at, partial: true };
  return ask("POST", "enroll", { form: formOf([...Object.entries(about), ...fields]) });
};

/** `fields`: image or reference, and other or other_reference, at. Returns the address of the page. */
export const inspect = async (fields, signal) => {
  const { page } = await ask("POST", "inspect", { form: formOf(Object.entries(fields)), signal });
  return `api/v1/inspections/${page.split("/").pop()}`;
};

export const gallery = (signal) => ask("GET", "gallery", { signal });
export const models = (signal) => ask("GET", "models", { signal });
export const people = (query, signal) => ask("GET", "people", { query, signal });
export const person = (id) => ask("GET", `people/${id}`);
export const rename = (id, name) => ask("PATCH", `people/${id}`, { json: { name } });
export const removePerson = (id) => ask("DELETE", `people/${id}`);
export const merge = (into, sources) => ask("POST", `people/${into}/merge`, { json: { sources } });
export const references = (id) => ask("GET", `people/${id}/references`);
export const removeReference = (id) => ask("DELETE", `references/${id}`);
export const pictureOf = (reference) => `api/v1/references/${reference}/picture${asQuery(uuid)}`;
export const liveAddress = async () =>
  new URL(`api/v1/live${asQuery(await ours())}`, document.baseURI).href.replace("http", "ws");

/** For what the browser sends no header with. */
const asQuery = (meant) => (meant === null ? "" : `?gallery=${meant}`);
