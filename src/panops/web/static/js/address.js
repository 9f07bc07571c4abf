// A camera's id from its name, and its address with a login.

/** `Front gate 2` -> `front-gate-2`, free among `taken`. */
export function idFor(name, taken) {
  const plainName = name.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 50).replace(/-+$/, "") || "camera";
  if (!taken.includes(plainName)) return plainName;
  let number = 2;
  while (taken.includes(`${plainName}-${number}`)) number += 1;
  return `${plainName}-${number}`;
}

/** The address with user name and password in it, so written that any sign may be in them. */
export function withLogin(source, user, secret) {
  const match = /^([a-z]+:\/\/)(?:([^/?#]*)@)?(.*)$/i.exec(source.trim());
  if (!match || !user) return source.trim();
  return `${match[1]}${encodeURIComponent(user)}${secret ? `:${encodeURIComponent(secret)}` : ""}@${match[3]}`;
}
