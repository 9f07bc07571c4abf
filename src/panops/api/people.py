"""The people who are known: list, add, change, delete; their pictures; and who is in a picture.

Operators see who is known, administrators change it, and both only where they see every camera. Every look is in the audit log.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from panops.api.detect import picture_of
from panops.api.inference_service import coding_of
from panops.api.media import CACHING
from panops.api.problems import ProblemError, not_found
from panops.api.rates import paced
from panops.api.schemas import Box, Out
from panops.api.security import Admin, Operator
from panops.api.services import Needed
from panops.config.fields import Name
from panops.pipeline.enrolment import Enrolled, FoundFace, Refusal
from panops.pipeline.face_matches import Match
from panops.pipeline.sent_picture import PictureRefused
from panops.storage.erasure import Erased
from panops.storage.gallery_records import LONGEST_NAME, LONGEST_TEXT, MOST_LISTS, FaceFact, Person, PersonFacts

MOST_FACE_READS = 4
"""Of pictures whose faces are read, and that wait for it: more are sent away, as one model reads them all."""

router = APIRouter(prefix="/api/v1/people", tags=["people"])

_ID = r"^[0-9a-f]{24}$"
PersonId = Annotated[str, Path(pattern=_ID)]
FaceId = Annotated[str, Path(pattern=_ID)]
PersonName = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=r"\S")]
Consent = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, pattern=r"\S")]
Lists = Annotated[list[Annotated[Name, Field(pattern=r"^[a-z0-9]")]], Field(max_length=MOST_LISTS)]
Time = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
# What has these was there already, or is somebody else: the request is fine, and it does not fit what is stored.
_CONFLICTS = frozenset({Refusal.SAME_PICTURE, Refusal.NEAR_COPY, Refusal.SOMEBODY_ELSE, Refusal.NOT_KEPT})


class PersonIn(BaseModel):
    """Somebody to know. `consent`: who agreed, and how; `consented_at_s` null: now. `keep_until_s` null: until somebody deletes them."""

    model_config = ConfigDict(extra="forbid")

    name: PersonName
    lists: Lists = []
    consent: Consent
    consented_at_s: Time | None = None
    keep_until_s: Time | None = None


class PersonChangeIn(BaseModel):
    """What changes of a person; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    name: PersonName | None = None
    lists: Lists | None = None
    consent: Consent | None = None
    consented_at_s: Time | None = None
    keep_until_s: Time | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("expected at least one of name, lists, consent, consented_at_s, keep_until_s")
        missing = next((field for field in self.model_fields_set - {"keep_until_s"} if getattr(self, field) is None), None)
        if missing is not None:
            raise ValueError(f"expected a value for {missing}, got null; leave it out, and it stays as it is")
        return self

    @property
    def changes(self) -> dict[str, Any]:
        """Fields of `PersonFacts`."""
        return {field: getattr(self, field) for field in self.model_fields_set}


class PersonOut(Out):
    """Somebody who is known. `faces`: how many pictures there are; `negatives`: of people who only look like them."""

    person_id: str
    name: str
    lists: list[str]
    consent: str
    consented_at_s: float
    keep_until_s: float | None
    created_by: str
    created_at_s: float
    faces: int
    negatives: int
    face_id: str | None = None

    @classmethod
    def of(cls, person: Person, face_id: str | None = None) -> Self:
        """As the API tells it."""
        return cls(
            person_id=person.person_id, name=person.name, lists=list(person.lists), consent=person.consent,
            consented_at_s=person.consented_at_s, keep_until_s=person.keep_until_s, created_by=person.created_by,
            created_at_s=person.created_at_s, faces=person.faces, negatives=person.negatives, face_id=face_id,
        )  # fmt: skip


class PeopleOut(Out):
    """Everybody, by name. `face_id` is the picture to show of them; null where there is none."""

    people: list[PersonOut]


class FaceOut(Out):
    """A picture of a person. `negative`: it looks like them and is somebody else."""

    face_id: str
    model: str
    negative: bool
    quality: float
    source: str
    created_at_s: float

    @classmethod
    def of(cls, face: FaceFact) -> Self:
        """As the API tells it."""
        return cls(
            face_id=face.face_id, model=face.model, negative=face.negative, quality=round(face.quality, 3), source=face.source,
            created_at_s=face.created_at_s,
        )  # fmt: skip


class PersonFacesOut(Out):
    """A person and their pictures, the oldest first."""

    person: PersonOut
    faces: list[FaceOut]


class DeletionOut(Out):
    """What goes with a person, or went: pictures, and the files that prove events which name them. The events stay, without the name.

    `clean`: nothing is left in the database's files; where it is false, the clean-up of the next minute tries again.
    """

    faces: int
    events: int
    files: int
    size_bytes: int
    clean: bool

    @classmethod
    def of(cls, erased: Erased) -> Self:
        """As the API tells it."""
        return cls(faces=erased.faces, events=erased.events, files=erased.files, size_bytes=erased.size_bytes, clean=erased.clean)


class MatchOut(Out):
    """Somebody whom a face resembles, by so much. `refuted`: a picture of somebody who only looks like them is at least as near."""

    person_id: str
    name: str
    similarity: float
    refuted: bool

    @classmethod
    def of(cls, match: Match) -> Self:
        """As the API tells it."""
        person = match.person
        return cls(person_id=person.person_id, name=person.name, similarity=round(match.similarity, 3), refuted=match.refuted)


class FoundFaceOut(Out):
    """A face in a picture. `person_id` and `name` null: unknown. `fault`: why nobody can say whose it is."""

    box: Box
    quality: float
    fault: str | None
    live: float | None
    person_id: str | None
    name: str | None
    lists: list[str]
    nearest: list[MatchOut]

    @classmethod
    def of(cls, found: FoundFace) -> Self:
        """As the API tells it."""
        person = found.person
        return cls(
            box=found.box, quality=round(found.quality, 3), fault=None if found.fault is None else found.fault.value,
            live=None if found.live is None else round(found.live, 3), person_id=None if person is None else person.person_id,
            name=None if person is None else person.name, lists=[] if person is None else list(person.lists),
            nearest=[MatchOut.of(match) for match in found.nearest],
        )  # fmt: skip


class SearchOut(Out):
    """The faces in a picture, the largest first, and from which similarity on a face is taken for somebody's."""

    faces: list[FoundFaceOut]
    model: str
    threshold: float


@router.get("")
def people(caller: Operator, services: Needed) -> PeopleOut:
    """Everybody who is known, by name."""
    found = services.gallery.people(caller.scope)
    first = services.gallery.first_faces(caller.scope)
    services.looks.person(caller.username, "person.list", detail={"people": len(found)})
    return PeopleOut(people=[PersonOut.of(person, first.get(person.person_id)) for person in found])


@router.post("", status_code=201)
async def add_person(body: PersonIn, caller: Admin, services: Needed) -> PersonOut:
    """Know somebody more, with a note on who agreed and how; pictures follow."""
    at_s = services.clock.utc_s() if body.consented_at_s is None else body.consented_at_s
    facts = PersonFacts(body.name, tuple(body.lists), body.consent, at_s, body.keep_until_s)
    made = await run_in_threadpool(services.gallery.add, caller.scope, facts, caller.username)
    await services.note(caller, "person.add", made.person_id, {"keep_until_s": made.keep_until_s})
    return PersonOut.of(made)


@router.post("/search", dependencies=[Depends(paced("search"))])
async def search(caller: Operator, services: Needed, request: Request) -> SearchOut:
    """Who is in a JPEG, PNG or WebP. Nothing of it is kept, but that somebody searched."""
    data = await _sent(services, request)
    try:
        async with _turn(services):
            found = await run_in_threadpool(services.enrolment.search, caller.scope, data)
    except PictureRefused as error:
        raise ProblemError(error.status, str(error)) from error
    known = sorted({face.person.person_id for face in found.faces if face.person is not None})
    for person_id in known or [""]:
        await run_in_threadpool(services.looks.searched, caller.username, person_id, {"faces": len(found.faces), "known": len(known)})
    return SearchOut(faces=[FoundFaceOut.of(face) for face in found.faces], model=found.model, threshold=found.threshold)


@router.get("/{person_id}")
def person(person_id: PersonId, caller: Operator, services: Needed) -> PersonFacesOut:
    """One person, and what is known of their pictures."""
    found = services.gallery.person(caller.scope, person_id)
    if found is None:
        raise not_found("person")
    faces = services.gallery.faces(caller.scope, person_id)
    services.looks.person(caller.username, "person.view", person_id)
    return PersonFacesOut(person=PersonOut.of(found), faces=[FaceOut.of(face) for face in faces])


@router.patch("/{person_id}")
async def change_person(person_id: PersonId, body: PersonChangeIn, caller: Admin, services: Needed) -> PersonOut:
    """Say something else of a person: their name, lists, consent, or how long they are kept."""
    changes = body.changes
    if "lists" in changes:
        changes["lists"] = tuple(changes["lists"])
    changed = await run_in_threadpool(services.gallery.change, caller.scope, person_id, changes)
    await services.note(caller, "person.change", person_id, {"fields": sorted(changes)})
    return PersonOut.of(changed)


@router.get("/{person_id}/deletion")
def deletion(person_id: PersonId, caller: Admin, services: Needed) -> DeletionOut:
    """What would go with a person; nothing is deleted."""
    if services.gallery.person(caller.scope, person_id) is None:
        raise not_found("person")
    return DeletionOut.of(services.erasure.foretold(caller.scope, person_id))


@router.delete("/{person_id}")
def delete_person(person_id: PersonId, caller: Admin, services: Needed) -> DeletionOut:
    """Delete a person: name, pictures, and the proof of events that name them. The audit log keeps that it was done, and not who it was."""
    return DeletionOut.of(services.erasure.person(caller.scope, person_id, caller.username))


@router.post("/{person_id}/faces", status_code=201, response_model=FaceOut, dependencies=[Depends(paced("face"))])
async def add_face(
    person_id: PersonId,
    caller: Admin,
    services: Needed,
    request: Request,
    negative: bool = False,
    force: bool = False,
    source: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Add a JPEG, PNG or WebP with exactly one good face; only the face is kept, sealed. 422 or 409 with `refusal` where it is not taken.

    `negative`: it looks like the person and is somebody else; `force`: also where it resembles somebody else who is known.
    """
    data = await _sent(services, request)
    words = source or f"sent by {caller.username}"
    async with _turn(services):
        done = await run_in_threadpool(lambda: services.enrolment.add(caller.scope, person_id, data, words, negative=negative, force=force))
    if done.face is None:
        return _refused(done)
    await services.note(caller, "face.add", f"{person_id}/{done.face.face_id}", {"negative": negative, "force": force})
    return JSONResponse(FaceOut.of(done.face).model_dump(mode="json"), 201)


@router.delete("/{person_id}/faces/{face_id}", status_code=204)
async def delete_face(person_id: PersonId, face_id: FaceId, caller: Admin, services: Needed) -> Response:
    """Delete one picture."""
    await run_in_threadpool(services.erasure.face, caller.scope, person_id, face_id)
    await services.note(caller, "face.delete", f"{person_id}/{face_id}")
    return Response(status_code=204)


@router.get("/{person_id}/faces/{face_id}/picture.jpg", response_class=Response, dependencies=[Depends(paced("picture"))])
def face_picture(person_id: PersonId, face_id: FaceId, caller: Operator, services: Needed) -> Response:
    """The face itself."""
    found = services.gallery.picture(caller.scope, person_id, face_id)
    if found is None:
        raise not_found("picture")
    services.looks.person(caller.username, "face.view", f"{person_id}/{face_id}")
    return Response(found, media_type="image/jpeg", headers=CACHING)


async def _sent(services: Needed, request: Request) -> bytes:
    coding_of(request)
    async with services.inference.body(request) as body:
        return b"".join(await picture_of(request, body))


@asynccontextmanager
async def _turn(services: Needed) -> AsyncIterator[None]:
    """A place among those whose pictures are read, one after the other: whoever waits takes a thread that other requests need."""
    if services.face_reads.locked():
        raise ProblemError(429, "other pictures are being searched for faces; try again in a moment", headers={"Retry-After": "1"})
    async with services.face_reads:
        yield


def _refused(done: Enrolled) -> Response:
    """A problem (RFC 9457) that also says, for programs, which refusal it is and whom the face resembles."""
    assert done.refusal is not None  # noqa: S101  what is not taken is refused
    status = 409 if done.refusal in _CONFLICTS else 422
    body: dict[str, Any] = {
        "type": "about:blank", "title": "Conflict" if status == 409 else "Unprocessable Content", "status": status,
        "detail": done.words, "refusal": done.refusal.value,
    }  # fmt: skip
    if done.other is not None:
        body["resembles"] = MatchOut.of(done.other).model_dump(mode="json")
    return JSONResponse(body, status, media_type="application/problem+json")
