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

const LOGIN = /^([a-z]+):\/\/(?:([^/?#]*)@)?([^/?#]*)(.*)$/i;

/** An address with the login of another one at the same machine; one that has a login of its own stays as it is. */
export function withLoginOf(address, other) {
  const [mine, theirs] = [LOGIN.exec(address.trim()), LOGIN.exec(other)];
  const bare = (host) => host?.toLowerCase().replace(/:\d+$/, "");
  if (!mine || !theirs?.[2] || mine[2] || bare(mine[3]) !== bare(theirs[3])) return address.trim();
  return `${mine[1]}://${theirs[2]}@${mine[3]}${mine[4]}`;
}
