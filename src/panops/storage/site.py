"""The desired state: which cameras and rules there shall be, whether they come from a site file or were added on the page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Row, Table, delete, insert, select, update

from panops.config.load import cross_check, problems_of
from panops.config.rule_schema import RuleConfig
from panops.config.schema import CameraConfig, SiteConfig
from panops.domain.errors import ConfigError, ConfigProblem, StorageCorrupt
from panops.storage.database import Database
from panops.storage.errors import NotFound, StaleEdit
from panops.storage.scope import Scope
from panops.storage.tables import camera_groups, cameras, rules, site

PAGE_ORIGIN = "page"
"""The origin of what is added by hand; `apply` never removes it."""

_RULE: TypeAdapter[RuleConfig] = TypeAdapter(RuleConfig)
# What is added by hand comes after everything from files.
_FIRST_PAGE_POSITION = 1_000_000


@dataclass(frozen=True, slots=True)
class ApplyReport:
    """What applying a site changed. Names are `camera gate` or `rule night`.

    Attributes:
        revision: The site's revision afterwards; the same as before when nothing changed.
        added: New.
        changed: Replaced by what the file says.
        removed: Gone from the file, and rules that watched only cameras which are gone.
        kept_edits: Edited by hand since, while the file says what it said before: left as edited.
        replaced_edits: Edited by hand since, and the file says something new: the file won.
    """

    revision: int
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept_edits: tuple[str, ...] = ()
    replaced_edits: tuple[str, ...] = ()


class SiteRepository:
    """Cameras, rules and settings in the database. Used by any number of threads and processes.

    Sources are stored with their passwords, in a database file that only its owner can read; outside they are `SecretStr`.
    """

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def apply(self, wanted: SiteConfig, origin: str = "file", *, keep_edits: bool = True, etag: str | None = None) -> ApplyReport:
        """Make the desired state what a site file says. Doing it again changes nothing.

        Cameras and rules of this origin that the file has no more are removed; those of other origins stay. A camera or rule of another
        origin with the same name is taken over. The file's settings (model, retention ...) replace the ones before.

        Args:
            wanted: The checked site file.
            origin: A stable word for the file, not its path: `file`.
            keep_edits: Leave what was edited by hand since the last time as it is, as long as the file says the same as then; False:
                the file always wins.
            etag: The revision that was read before, as text; None applies to whatever is there.

        Raises:
            ConfigError: A rule added by hand does not fit the cameras any more; nothing was changed.
            StaleEdit: The site changed since.
            StorageError: Nothing was written.
        """
        with self._database.session() as connection:
            revision = _lock_revision(connection)
            if etag is not None and etag != str(revision):
                raise StaleEdit("the site was changed by somebody else since it was read; read it again")
            tally = _Tally(origin, revision + 1, keep_edits)
            tally.apply(connection, "camera", cameras, {key: _dump(camera.plain()) for key, camera in wanted.cameras.items()})
            tally.apply(connection, "group", camera_groups, {name: json.dumps(list(ids)) for name, ids in wanted.groups.items()})
            tally.apply(connection, "rule", rules, {rule.id: _dump(_rule_values(rule)) for rule in wanted.rules})
            tally.removed += [f"rule {name}" for name in _forget_cameras(connection, tally.gone_cameras, revision + 1)]
            # A camera that the file replaced has lost zones that were drawn by hand.
            tally.replaced_edits += [f"rule {name}" for name in _forget_zones(connection, revision + 1)]
            settings = _dump(wanted.plain_settings())
            settings_changed = _put_settings(connection, settings)
            if tally.touched or tally.removed or settings_changed:
                revision = _commit(connection, revision + 1)
            return ApplyReport(revision, *map(tuple, (tally.added, tally.changed, tally.removed, tally.kept_edits, tally.replaced_edits)))

    def load(self) -> SiteConfig:
        """The whole desired state, for the system itself.

        Raises:
            ConfigError: This program's settings are stricter than those of the one that stored them; says which.
        """
        with self._database.reading() as connection:
            return _load(connection)

    def cameras(self, scope: Scope) -> dict[str, CameraConfig]:
        """The cameras in the scope."""
        return {camera_id: camera for camera_id, camera in self.load().cameras.items() if scope.allows(camera_id)}

    def camera(self, scope: Scope, camera_id: str) -> CameraConfig | None:
        """One camera, or None when there is none in the scope."""
        return self.cameras(scope).get(camera_id)

    def rules(self, scope: Scope) -> list[RuleConfig]:
        """The rules that watch a camera in the scope. The names of other cameras are left out of them."""
        whole = self.load()
        if scope.cameras is None:
            return list(whole.rules)
        visible = [name for name in whole.cameras if scope.allows(name)]
        found = []
        for rule in whole.rules:
            watched = [name for name in visible if not rule.cameras or name in rule.cameras]
            if watched:
                found.append(rule.model_copy(update={"cameras": watched}))
        return found

    def put_camera(self, camera_id: str, camera: CameraConfig, *, etag: str | None = None) -> str:
        """Add or replace a camera by hand.

        Args:
            camera_id: Its id.
            camera: Its settings.
            etag: What `camera_etag` gave when it was read; None overwrites whatever is there.

        Returns:
            The new ETag.

        Raises:
            ConfigError: The id is not one, or a rule needs a zone or line that the camera would not have; nothing was changed.
            StaleEdit: It changed since.
        """
        return self._put("camera", cameras, camera_id, _dump(camera.plain()), etag)

    def put_rule(self, rule: RuleConfig, *, etag: str | None = None) -> str:
        """Add or replace a rule by hand; see `put_camera`."""
        return self._put("rule", rules, rule.id, _dump(_rule_values(rule)), etag)

    def put_both(self, camera_id: str, camera: CameraConfig, rule: RuleConfig, *, camera_etag: str | None, rule_etag: str | None) -> None:
        """Replace a camera and a rule by hand in one transaction: neither fits without the other; see `put_camera`."""
        with self._database.session() as connection:
            revision = _lock_revision(connection) + 1
            wrote = [
                _write(connection, "camera", cameras, camera_id, _dump(camera.plain()), camera_etag, revision),
                _write(connection, "rule", rules, rule.id, _dump(_rule_values(rule)), rule_etag, revision),
            ]
            if revision in wrote:
                _commit(connection, revision)

    def put_camera_and_rules(self, camera_id: str, camera: CameraConfig, changed: Iterable[RuleConfig], *, camera_etag: str | None) -> str:
        """Replace a camera by hand, and rules that have to follow it, in one transaction; the camera's new ETag. See `put_camera`."""
        with self._database.session() as connection:
            revision = _lock_revision(connection) + 1
            wrote = _write(connection, "camera", cameras, camera_id, _dump(camera.plain()), camera_etag, revision)
            others = [_write(connection, "rule", rules, rule.id, _dump(_rule_values(rule)), None, revision) for rule in changed]
            if revision in (wrote, *others):
                _commit(connection, revision)
        return str(wrote)

    def put_all(self, wanted: Mapping[str, CameraConfig], more_rules: Iterable[RuleConfig]) -> None:
        """Add or replace many cameras and rules by hand in one transaction: all of them or none; see `put_camera`."""
        with self._database.session() as connection:
            revision = _lock_revision(connection) + 1
            wrote = [_write(connection, "camera", cameras, name, _dump(camera.plain()), None, revision) for name, camera in wanted.items()]
            wrote += [_write(connection, "rule", rules, rule.id, _dump(_rule_values(rule)), None, revision) for rule in more_rules]
            if revision in wrote:
                _commit(connection, revision)

    def delete_camera(self, camera_id: str, *, etag: str | None = None) -> tuple[str, ...]:
        """Remove a camera, also from the rules that name it. A rule that watched only this camera goes too: an empty list means "all".

        A camera that is still in an applied site file comes back when the file is applied again. Its events stay.

        Returns:
            The ids of the rules that went with it.

        Raises:
            NotFound: No such camera.
            StaleEdit: It changed since `etag` was read.
        """
        with self._database.session() as connection:
            revision = _lock_revision(connection) + 1
            _remove(connection, "camera", cameras, camera_id, etag)
            removed = _forget_cameras(connection, [camera_id], revision)
            _forget_zones(connection, revision)
            _commit(connection, revision)
        return tuple(removed)

    def delete_rule(self, rule_id: str, *, etag: str | None = None) -> None:
        """Remove a rule. Its events stay.

        Raises:
            NotFound: No such rule.
            StaleEdit: It changed since `etag` was read.
        """
        with self._database.session() as connection:
            revision = _lock_revision(connection) + 1
            _remove(connection, "rule", rules, rule_id, etag)
            _commit(connection, revision)

    def groups(self, scope: Scope) -> dict[str, list[str]]:
        """The groups in the scope: of each the cameras that it shows, and no group of which it shows none."""
        shown = {name: [camera for camera in ids if scope.allows(camera)] for name, ids in self.load().groups.items()}
        return {name: ids for name, ids in shown.items() if ids or scope.cameras is None}

    def put_group(self, name: str, camera_ids: Iterable[str], *, etag: str | None = None) -> str:
        """Add or replace a group of cameras by hand; see `put_camera`."""
        return self._put("group", camera_groups, name, json.dumps(list(dict.fromkeys(camera_ids))), etag)

    def delete_group(self, name: str, *, etag: str | None = None) -> None:
        """Remove a group. Whoever is limited to it sees nothing through it any more.

        Raises:
            NotFound: No such group.
            StaleEdit: It changed since `etag` was read.
        """
        with self._database.session() as connection:
            revision = _lock_revision(connection) + 1
            _remove(connection, "group", camera_groups, name, etag)
            _commit(connection, revision)

    def group_etag(self, name: str) -> str | None:
        """Changes whenever the group does; None when there is no such group."""
        return self._etag(camera_groups, name)

    def revision(self) -> int:
        """A number that grows with each change of the desired state."""
        with self._database.reading() as connection:
            return int(connection.execute(select(site.c.value).where(site.c.name == "revision")).scalar_one())

    def camera_etag(self, camera_id: str) -> str | None:
        """Changes whenever the camera's settings do; None when there is no such camera."""
        return self._etag(cameras, camera_id)

    def rule_etag(self, rule_id: str) -> str | None:
        """Changes whenever the rule does; None when there is no such rule."""
        return self._etag(rules, rule_id)

    def etags(self) -> tuple[dict[str, str], dict[str, str]]:
        """The ETags of all rules and of all cameras, by their ids, as they were at one moment."""
        with self._database.reading() as connection:
            of = [{row[0]: str(row[1]) for row in connection.execute(select(_key(table), table.c.revision))} for table in (rules, cameras)]
        return of[0], of[1]

    def origins(self) -> dict[str, str]:
        """Where each camera comes from: `page`, or the origin of the file that was applied."""
        with self._database.reading() as connection:
            return {row.camera_id: row.origin for row in connection.execute(select(cameras.c.camera_id, cameras.c.origin))}

    def _etag(self, table: Table, name: str) -> str | None:
        with self._database.reading() as connection:
            found = connection.execute(select(table.c.revision).where(_key(table) == name)).scalar()
        return None if found is None else str(found)

    def _put(self, what: str, table: Table, name: str, text: str, etag: str | None) -> str:
        with self._database.session() as connection:
            revision = _lock_revision(connection) + 1
            wrote = _write(connection, what, table, name, text, etag, revision)
            if wrote == revision:
                _commit(connection, revision)
        return str(wrote)


class _Tally:
    """Applies one origin's cameras or rules and notes what that changed."""

    def __init__(self, origin: str, revision: int, keep_edits: bool) -> None:
        self.origin, self.revision, self.keep_edits = origin, revision, keep_edits
        self.added: list[str] = []
        self.changed: list[str] = []
        self.removed: list[str] = []
        self.kept_edits: list[str] = []
        self.replaced_edits: list[str] = []
        self.gone_cameras: list[str] = []
        self.touched = False

    def apply(self, connection: Connection, what: str, table: Table, wanted: Mapping[str, str]) -> None:
        key = _key(table)
        stored = {row[0]: row for row in connection.execute(select(key, *(column for column in table.c if column is not key)))}
        for position, (name, text) in enumerate(wanted.items()):
            values = self._values_for(f"{what} {name}", stored.get(name), text, position)
            if not values:
                continue
            self.touched = True
            if name in stored:
                connection.execute(update(table).where(key == name).values(values))
            else:
                connection.execute(insert(table).values({key.name: name, **values}))
        for name, row in stored.items():
            if row.origin == self.origin and name not in wanted:
                connection.execute(delete(table).where(key == name))
                self.removed.append(f"{what} {name}")
                if table is cameras:
                    self.gone_cameras.append(name)

    def _values_for(self, name: str, row: Row[Any] | None, text: str, position: int) -> dict[str, Any]:
        """The columns to write; empty when all is as it should be."""
        values = {"origin": self.origin, "position": position, "config": text, "applied": text, "revision": self.revision}
        if row is None:
            self.added.append(name)
            return values
        if row.config == text:
            del values["revision"]
            return values if (row.origin, row.position, row.applied) != (self.origin, position, text) else {}
        edited = row.config != row.applied
        if edited and self.keep_edits and row.origin == self.origin and row.applied == text:
            self.kept_edits.append(name)
            return {"position": position} if row.position != position else {}
        (self.replaced_edits if edited else self.changed).append(name)
        return values


def _write(connection: Connection, what: str, table: Table, name: str, text: str, etag: str | None, revision: int) -> int:
    """Write what somebody wants by hand; the revision that last changed it, which is an older one where it was so already."""
    row = connection.execute(select(table).where(_key(table) == name)).first()
    _check_etag(what, name, row, etag)
    if row is None:
        last = max([_FIRST_PAGE_POSITION, *connection.execute(select(table.c.position)).scalars()])
        values = {"origin": PAGE_ORIGIN, "position": last + 1, "config": text, "applied": None, "revision": revision}
        connection.execute(insert(table).values({_key(table).name: name, **values}))
    elif row.config == text:
        return int(row.revision)
    else:
        connection.execute(update(table).where(_key(table) == name).values(config=text, revision=revision))
    return revision


def _key(table: Table) -> Any:
    return next(iter(table.primary_key.columns))


def _dump(values: Mapping[str, Any]) -> str:
    return json.dumps(values, separators=(",", ":"), allow_nan=False)


def _rule_values(rule: RuleConfig) -> dict[str, Any]:
    return rule.model_dump(mode="json", exclude_defaults=True)


def _lock_revision(connection: Connection) -> int:
    """The revision, held so that no other process changes the site before this transaction ends."""
    return int(connection.execute(select(site.c.value).where(site.c.name == "revision").with_for_update()).scalar_one())


def _commit(connection: Connection, revision: int) -> int:
    """Check the site as it would be and write its new revision.

    Raises:
        ConfigError: It does not fit together.
    """
    problems = list(cross_check(_load(connection)))
    if problems:
        raise ConfigError("the site", problems)
    connection.execute(update(site).where(site.c.name == "revision").values(value=str(revision)))
    return revision


def _put_settings(connection: Connection, text: str) -> bool:
    before = connection.execute(select(site.c.value).where(site.c.name == "settings")).scalar()
    if before == text:
        return False
    if before is None:
        connection.execute(insert(site).values(name="settings", value=text))
    else:
        connection.execute(update(site).where(site.c.name == "settings").values(value=text))
    return before is not None or text != "{}"


def _check_etag(what: str, name: str, row: Row[Any] | None, etag: str | None) -> None:
    if etag is not None and (row is None or str(row.revision) != etag):
        raise StaleEdit(f"{what} {name!r} was changed or removed by somebody else since it was read; read it again")


def _remove(connection: Connection, what: str, table: Table, name: str, etag: str | None) -> None:
    row = connection.execute(select(table).where(_key(table) == name)).first()
    if row is None:
        raise NotFound(f"no {what} {name!r}")
    _check_etag(what, name, row, etag)
    connection.execute(delete(table).where(_key(table) == name))


def _forget_cameras(connection: Connection, gone: Iterable[str], revision: int) -> list[str]:
    """Take cameras out of the groups and rules that name them; the rules left without a camera are deleted, and their ids returned."""
    names = set(gone)
    removed: list[str] = []
    if not names:
        return removed
    for row in connection.execute(select(camera_groups)).all():
        before = json.loads(row.config)
        kept = [name for name in before if name not in names]
        if len(kept) < len(before):
            changed = update(camera_groups).where(camera_groups.c.group_id == row.group_id)
            connection.execute(changed.values(config=json.dumps(kept), revision=revision))
    for row in connection.execute(select(rules)).all():
        values = json.loads(row.config)
        watched = values.get("cameras", [])
        left = [name for name in watched if name not in names]
        if len(left) == len(watched):
            continue
        if left:
            text = _dump({**values, "cameras": left})
            connection.execute(update(rules).where(rules.c.rule_id == row.rule_id).values(config=text, revision=revision))
        else:
            connection.execute(delete(rules).where(rules.c.rule_id == row.rule_id))
            removed.append(row.rule_id)
    return removed


def _forget_zones(connection: Connection, revision: int) -> list[str]:
    """Rules leave nothing out any more that none of their cameras has, which would be a fault; the ids of those that changed."""
    zones = {row.camera_id: json.loads(row.config).get("zones", {}) for row in connection.execute(select(cameras))}
    changed: list[str] = []
    for row in connection.execute(select(rules)).all():
        values = json.loads(row.config)
        before = values.get("leave_out", [])
        left_out = [zone for zone in before if any(zone in zones.get(name, ()) for name in values.get("cameras") or zones)]
        if len(left_out) < len(before):
            text = _dump({**values, "leave_out": left_out})
            connection.execute(update(rules).where(rules.c.rule_id == row.rule_id).values(config=text, revision=revision))
            changed.append(row.rule_id)
    return changed


def _load(connection: Connection) -> SiteConfig:
    settings = connection.execute(select(site.c.value).where(site.c.name == "settings")).scalar()
    try:
        data: dict[str, Any] = json.loads(settings or "{}")
        data["cameras"] = {row.camera_id: json.loads(row.config) for row in _ordered(connection, cameras)}
        data["groups"] = {row.group_id: json.loads(row.config) for row in _ordered(connection, camera_groups)}
        data["rules"] = [json.loads(row.config) for row in _ordered(connection, rules)]
    except (ValueError, TypeError) as error:
        raise StorageCorrupt(f"the site is stored damaged ({error}); restore a backup, or apply the site file to a new database") from error
    try:
        return SiteConfig.model_validate(data)
    except ValidationError as error:
        raise ConfigError("the stored site", [*problems_of(error)] or [ConfigProblem("", str(error))]) from error


def _ordered(connection: Connection, table: Table) -> Iterable[Row[Any]]:
    return connection.execute(select(table).order_by(table.c.position, _key(table)))
