"""`panops people list`, `show`, `add`, `remove`, `search`, `reread` and `export`: who is known, one at a time."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from panops.commands.options import HomeOption, JsonOption
from panops.commands.people_desk import EVERYTHING, PeopleDesk, day, desk, facts_of, plain_face, plain_person, tell
from panops.domain.errors import PanopsError
from panops.pipeline.enrolment import FoundFace
from panops.storage.erasure import Erased
from panops.storage.gallery_records import Person
from panops.storage.home import Home

WhoArgument = Annotated[str, typer.Argument(help="Their name, or their id.")]


def list_people(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the people who are known: name, lists, pictures, consent, and until when they are kept."""
    with desk(Home(home)) as people:
        found = people.gallery.people(EVERYTHING)
        people.note("person.list", detail={"people": len(found)})
    if as_json:
        tell({"people": [plain_person(person) for person in found]})
        return
    if not found:
        typer.echo("nobody is known; panops people enrol FOLDER and panops people add NAME change that")
        return
    table = Table("name", "lists", "pictures", "consent", "kept until", box=None, pad_edge=False)
    for person in found:
        table.add_row(
            person.name, ", ".join(person.lists), str(person.faces), person.consent, day(person.keep_until_s) or "deleted by hand"
        )
    Console().print(table)


def show(who: WhoArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show everything that is kept of a person, but for the pictures themselves."""
    with desk(Home(home)) as people:
        person = people.person(who)
        faces = people.gallery.faces(EVERYTHING, person.person_id)
        people.note("person.view", person.person_id)
    if as_json:
        tell({**plain_person(person), "pictures": [plain_face(face) for face in faces]})
        return
    typer.echo(_sentences(person))
    for face in faces:
        kind = "somebody who only looks like them" if face.negative else "picture"
        typer.echo(f"  {face.face_id}  {day(face.created_at_s)}  {kind}, quality {face.quality:.2f}, {face.model}, from {face.source}")


def add(
    who: Annotated[str, typer.Argument(metavar="NAME", help="Their name. Somebody who is known gets more pictures.")],
    pictures: Annotated[list[Path] | None, typer.Argument(help="Pictures with exactly one good face each.")] = None,
    consent: Annotated[str, typer.Option(help="Who agreed that they are known, and how; needed for somebody new.")] = "",
    lists: Annotated[list[str] | None, typer.Option("--list", metavar="NAME", help="A list that they are on; may be said again.")] = None,
    keep_days: Annotated[float | None, typer.Option(min=0.01, help="Delete them by themselves after so many days.")] = None,
    negative: Annotated[bool, typer.Option("--negative", help="The pictures are of somebody else who looks like them.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also pictures that resemble somebody else who is known.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Know a person, or add pictures of one who is known; each picture that is not taken is told with the reason."""
    with desk(Home(home)) as people:
        person = people.gallery.named(EVERYTHING, who)
        if person is None:
            if not consent:
                raise PanopsError(f"expected --consent with {who}, who is not known yet: who agreed that they are known, and how")
            person = people.gallery.add(EVERYTHING, facts_of(who, lists or [], consent, keep_days), "panops people add")
            people.note("person.add", person.person_id)
        elif consent or lists or keep_days is not None:
            raise PanopsError(f"{person.name} is known already; --consent, --list and --keep-days are for somebody new")
        told = [_add(people, person, path, negative=negative, force=force) for path in pictures or ()]
        person = people.person(person.person_id)
    if as_json:
        tell({**plain_person(person), "added": told})
    else:
        for one in told:
            typer.echo(f"{one['file']}: {one['words'] or 'taken'}")
        typer.echo(_sentences(person))
    if told and not any(one["face_id"] for one in told):
        raise typer.Exit(1)


def _add(people: PeopleDesk, person: Person, path: Path, *, negative: bool, force: bool) -> dict[str, Any]:
    done = people.enrolment.add(EVERYTHING, person.person_id, _read(path), path.name, negative=negative, force=force)
    if done.face is not None:
        people.note("face.add", f"{person.person_id}/{done.face.face_id}", {"negative": negative, "force": force})
    return {
        "file": str(path), "face_id": None if done.face is None else done.face.face_id,
        "refusal": None if done.refusal is None else done.refusal.value, "words": done.words,
    }  # fmt: skip


def remove(
    who: WhoArgument,
    picture: Annotated[str, typer.Option(metavar="ID", help="Only this picture; panops people show tells the ids.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a person: name, pictures, and the proof of events that name them, until nothing of it is in any file of the home."""
    if as_json and not yes:
        raise PanopsError("expected --yes with --json, for nobody can be asked")
    with desk(Home(home)) as people:
        person = people.person(who)
        if picture:
            people.erasure.face(EVERYTHING, person.person_id, picture)
            people.note("face.delete", f"{person.person_id}/{picture}")
            typer.echo(json.dumps({"deleted": picture}) if as_json else f"deleted: one picture of {person.name}")
            return
        foretold = people.erasure.foretold(EVERYTHING, person.person_id)
        if not yes:
            typer.confirm(f"Delete {person.name}, {_what(foretold)}? This cannot be taken back", abort=True)
        erased = people.erasure.person(EVERYTHING, person.person_id, "panops people remove")
    if as_json:
        tell(asdict(erased))
        return
    typer.echo(f"deleted: {person.name}, {_what(erased)}; the audit log keeps that it was done, and not who it was")
    if not erased.clean:
        typer.echo("note: somebody reads the database just now, so a copy is in its log; panops clears it out within a minute of running")
    typer.echo("Backups that were made before still have them.")


def search(
    picture: Annotated[Path, typer.Argument(help="A JPEG, PNG or WebP.")], home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Who is in a picture: each face with the person and the similarity, or unknown. Nothing of the picture is kept."""
    with desk(Home(home)) as people:
        searched = people.enrolment.search(EVERYTHING, _read(picture))
        found, threshold = searched.faces, searched.threshold
        known = {face.person.person_id for face in found if face.person is not None}
        for person_id in sorted(known) or [""]:
            people.note("person.search", person_id, {"faces": len(found), "known": len(known)})
    if as_json:
        tell({"faces": [_plain_found(face) for face in found], "threshold": threshold})
        return
    if not found:
        typer.echo("no face was found in the picture")
    for face in found:
        left, top, right, bottom = face.box
        typer.echo(f"{left:.0f},{top:.0f} to {right:.0f},{bottom:.0f}: {_name_of(face, threshold)}")


def reread(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Read the kept pictures with the models that cameras have now, after another model for faces was chosen."""
    with desk(Home(home)) as people:
        model, done, left = people.enrolment.reread(EVERYTHING)
        people.note("person.reread", detail={"model": model, "pictures": done, "left": left})
    if as_json:
        tell({"model": model, "reread": done, "left": left})
        return
    typer.echo(f"{done} pictures are known by {model} now")
    if left:
        typer.echo(f"{left} pictures stay as they were: {model} finds no good face in them; panops people show tells which")


def export(
    folder: Annotated[Path, typer.Argument(help="A new folder; only you can read it.")],
    who: Annotated[str, typer.Option(metavar="NAME", help="Only this person: what somebody gets who asks what is kept of them.")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write everything that is kept of people into a folder, readable: `people.json`, and the pictures by person. It is not sealed."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError as error:
        raise PanopsError(f"expected a folder that is not there yet, got {folder}; choose another name") from error
    except OSError as error:
        raise PanopsError(f"the folder {folder} cannot be made: {error.strerror}") from error
    with desk(Home(home)) as people:
        chosen = [people.person(who)] if who else people.gallery.people(EVERYTHING)
        told = [_export(people, person, folder) for person in chosen]
    (folder / "people.json").write_text(json.dumps({"people": told}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    pictures = sum(len(one["pictures"]) for one in told)
    if as_json:
        tell({"folder": str(folder.absolute()), "people": len(told), "pictures": pictures})
    else:
        typer.echo(f"{folder}: {len(told)} people, {pictures} pictures. They lie open there: delete the folder when it is needed no more.")


def _export(people: PeopleDesk, person: Person, folder: Path) -> dict[str, Any]:
    place = folder / person.person_id
    place.mkdir(mode=0o700)
    faces = people.gallery.faces(EVERYTHING, person.person_id)
    for face in faces:
        data = people.gallery.picture(EVERYTHING, person.person_id, face.face_id)
        if data is not None:
            (place / f"{face.face_id}.jpg").write_bytes(data)
    people.note("person.export", person.person_id, {"faces": len(faces)})
    return {**plain_person(person), "pictures": [plain_face(face) for face in faces]}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PanopsError(f"{path} cannot be read: {error.strerror}") from error


def _plain_found(face: FoundFace) -> dict[str, Any]:
    return {
        "box": list(face.box), "quality": round(face.quality, 3), "fault": None if face.fault is None else face.fault.value,
        "live": face.live, "person_id": None if face.person is None else face.person.person_id,
        "name": None if face.person is None else face.person.name,
        "nearest": [
            {
                "person_id": match.person.person_id, "name": match.person.name, "similarity": round(match.similarity, 3),
                "refuted": match.refuted,
            }
            for match in face.nearest
        ],
    }  # fmt: skip


def _name_of(face: FoundFace, threshold: float) -> str:
    if face.fault is not None:
        return f"unknown: the face is {face.fault.value}"
    if not face.nearest:
        return "unknown: nobody is known"
    first = face.nearest[0]
    if face.person is not None:
        own = next(match for match in face.nearest if match.person is face.person)
        return f"{face.person.name} (similarity {own.similarity:.2f}, the same person from {threshold:.2f} on)"
    why = "somebody who only looks like them is as near" if first.refuted else f"the same person from {threshold:.2f} on"
    return f"unknown (nearest is {first.person.name} with {first.similarity:.2f}; {why})"


def _what(erased: Erased) -> str:
    return (
        f"{erased.faces} pictures, and {erased.files} files ({erased.size_bytes / 2**20:.1f} MiB) that prove {erased.events} events; these "
        "stay without a name"
    )


def _sentences(person: Person) -> str:
    lists = f", on {', '.join(person.lists)}" if person.lists else ""
    kept = f"kept until {day(person.keep_until_s)}" if person.keep_until_s is not None else "kept until deleted by hand"
    more = f", {person.negatives} of people who only look like them" if person.negatives else ""
    return (
        f"{person.name} ({person.person_id}){lists}: {person.faces} pictures{more}; {kept}; consent of {day(person.consented_at_s)}: "
        f"{person.consent}; added by {person.created_by} on {day(person.created_at_s)}"
    )
