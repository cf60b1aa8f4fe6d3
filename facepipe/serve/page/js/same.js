/** Before something is done to a person: are they still who is shown? */

import * as api from "./api.js";

/** Raise an ApiError where somebody is not called `name` any more, or has not so many `references` (undefined: however
 * many): in another tab, or in the shell, they were renamed or merged meanwhile, or a backup was put in their place. */
export async function expectSame({ id, name, references }) {
  const now = await api.person(id);
  if (now.name === name && (references === undefined || now.references === references)) return;
  throw new api.ApiError({ code: "person-changed", message: `${name} was changed meanwhile.` });
}
