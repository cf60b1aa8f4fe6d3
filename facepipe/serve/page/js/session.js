/** What this visitor may do: open access on this computer, or what their key allows. */

import * as api from "./api.js";

let state = { keyNeeded: false, scopes: new Set() };

export const can = (scope) => state.scopes.has(scope);
export const keyNeeded = () => state.keyNeeded;

/** Ask the server; `key` signs in first. */
export async function refresh(key) {
  if (key !== undefined) await api.signIn(key);
  const { key_needed, scopes } = await api.session();
  state = { keyNeeded: key_needed, scopes: new Set(scopes) };
}

export async function leave() {
  await api.signOut();
  await refresh();
}
