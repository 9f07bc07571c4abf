"""The `panops` command. Each command lives in `panops.commands`; this file only names them and turns faults into sentences.

Nothing of a command is imported before it runs (`panops.commands.lazy_command`): a new one is a row here and a file there.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import typer

import panops
from panops.commands.lazy_command import LazyCommand, add_branch, add_lazily
from panops.domain.errors import ConfigError, PanopsError

app = typer.Typer(
    name="panops",
    help="From any of many cameras to a true alarm with proof. Start with: panops demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Row(NamedTuple):
    """A command.

    Attributes:
        words: What people type after `panops`; a first word of two is a group of `_GROUPS`, or a command above it, whose branch this is.
        target: `module:function` in `panops.commands`; the function's docstring is its help.
        summary: The first line of that docstring. A test holds the two together.
        extra: The optional dependencies that it needs (`train` for `panops[train]`); empty where a plain installation has everything.
    """

    words: str
    target: str
    summary: str
    extra: str = ""


COMMANDS = (
    Row("demo", "demo:demo", "Start a demo site: five simulated cameras and a real clip, with rules, alarms and proof."),
    Row("run", "run:run", "Run a site: cameras in, events out, with the page at http://localhost:8440."),
    Row("process", "process:process", "Run a video file through the same pipeline as live cameras, as fast as it goes."),
    Row(
        "look", "look:look", "Look at pictures with one model: objects, faces, poses, or what each part shows; told, and drawn with --out."
    ),
    Row("doctor", "doctor:doctor", "Look at this machine, and connect to every camera of a site."),
    Row("apply", "apply:apply", "Make the site in the database what a file says; doing it again changes nothing."),
    Row("backup", "backup:backup", "Write a backup of a site into one file, also while it runs."),
    Row("check", "check:check", "Look a backup over, or a home: the database to its last page, and every file against its sha256."),
    Row("restore", "restore:restore", "Put a backup back: it is looked over first, and what was there before is put aside."),
    Row(
        "users reset-second-factor",
        "users_reset_second_factor:reset_second_factor",
        "Take a user's second factor and recovery codes away, on this machine only, also while panops runs.",
    ),
    Row("simulate", "simulate:simulate", "Render a simulated scene with exact boxes, tracks and events."),
    Row(
        "drift",
        "drift:drift",
        "Compare each camera's latest days with its reference, and say which are not what they were.",
    ),
    Row(
        "compliance",
        "compliance:compliance",
        "Who wore what is required: people seen, with, without and not visible, by camera, zone and item.",
    ),
    Row(
        "suggestions",
        "suggestions:suggestions",
        "Which change of one setting would have kept false alarms away and no true one, by what people said of events.",
    ),
    Row(
        "people enrol",
        "people_enrol:enrol",
        "Know the people of a folder: one folder of pictures each, and every picture that is not taken is told with the reason.",
    ),
    Row(
        "people list", "people:list_people", "List the people who are known: name, lists, pictures, consent, and until when they are kept."
    ),
    Row("people show", "people:show", "Show everything that is kept of a person, but for the pictures themselves."),
    Row(
        "people add",
        "people:add",
        "Know a person, or add pictures of one who is known; each picture that is not taken is told with the reason.",
    ),
    Row(
        "people remove",
        "people:remove",
        "Delete a person: name, pictures, and the proof of events that name them, until nothing of it is in any file of the home.",
    ),
    Row(
        "people search",
        "people:search",
        "Who is in a picture: each face with the person and the similarity, or unknown. Nothing of the picture is kept.",
    ),
    Row(
        "people reread",
        "people:reread",
        "Read the kept pictures with the models that cameras have now, after another model for faces was chosen.",
    ),
    Row(
        "people export",
        "people:export",
        "Write everything that is kept of people into a folder, readable: `people.json`, and the pictures by person. It is not sealed.",
    ),
    Row("events list", "events_list:list_events", "List events of a running site, newest first."),
    Row(
        "events stream",
        "events_stream:stream",
        "Tell events of a running site as they begin, go on, end or are reviewed; goes on until it is stopped, also after a break.",
    ),
    Row(
        "events export",
        "events_export:export",
        "Save events of a running site as a zip: clip, pictures and facts of each, with the sha256 of every file in its manifest.",
    ),
    Row(
        "cameras discover",
        "cameras_discover:discover_cameras",
        "Ask the network for ONVIF cameras, and each of them for its streams.",
    ),
    Row(
        "cameras import",
        "cameras_import:import_cameras",
        "Add the cameras of a table or of Frigate's settings. Without --apply it only says what would be added.",
    ),
    Row(
        "gestures deploy",
        "gestures_deploy:deploy",
        "Train a classifier of hand signs on a folder of pictures, put it into the store, and have a camera tell a sign by it.",
    ),
    Row("config dump", "config_dump:dump", "Print the site in the database as a site file; `panops apply` takes it back."),
    Row("config check", "config_check:check", "Look a site file over without applying it: every problem at once, with line and field."),
    Row("models list", "models_list:list_models", "List the models that are installed, come with panops, or can be added by name."),
    Row("models add", "models_add:add", "Get a model, check its sha256, and see whether it runs here."),
    Row("models show", "models_show:show", "Show everything that is known of a model, and check its file."),
    Row(
        "models promote",
        "models_promote:promote",
        "Put a version of a model into use. The one before it is remembered: panops models rollback NAME.",
    ),
    Row(
        "models rollback",
        "models_rollback:rollback",
        "Put the version back into use that was active before; doing it twice goes back and forth.",
    ),
    Row(
        "models shadow",
        "models_shadow:shadow",
        "Let a version look on beside the one in use, on live cameras, without any event; `models compare` tells how they agree.",
    ),
    Row(
        "models compare",
        "models_compare:compare",
        "How far a shadow agreed with the version in use on live cameras, by camera and class: boxes that both have, or one alone.",
    ),
    Row(
        "models refit",
        "models_refit:refit",
        "Let a model learn from judged events, measure it on those held back, and let it look on in shadow where it is better.",
        extra="train",
    ),
    Row(
        "models card",
        "models_card:card",
        "The model card of a version, made from its manifest, its papers and its figures: as Markdown, as a page, or as JSON.",
    ),
    Row(
        "models figures",
        "models_figures:figures",
        "Keep what `panops evaluate detector --json` measured with a version, for its card. Figures of another file are refused.",
    ),
    Row(
        "models remove",
        "models_remove:remove",
        "Delete an installed model, or one version of it. What comes with panops stays, and the version in use goes only with --force.",
    ),
    Row(
        "bench cameras",
        "bench_cameras:bench_cameras",
        "Run the whole product on so many cameras and say what came of each: checks, latency, CPU, memory; beside a peer if you like.",
    ),
    Row(
        "bench capacity",
        "bench_capacity:bench_capacity",
        "Find how many cameras this machine carries, and write a page with a curve: what a buyer wants to know.",
    ),
    Row(
        "bench soak",
        "bench_soak:bench_soak",
        "Remove, add, cut, silence and freeze cameras all the time, and watch memory, threads and open files of the whole product.",
    ),
    Row(
        "bench false-alarms",
        "bench_false_alarms:bench_false_alarms",
        "Count false alarms per camera and day, for the detector alone, with tracks and dwell, and with each step of the chain.",
    ),
    Row(
        "bench tracking",
        "bench_tracking:bench_tracking",
        "Cost of the tracker on a made-up load, beside ByteTrack of the package `trackers`.",
    ),
    Row(
        "bench inference",
        "bench_inference:bench_inference",
        "Images a second of each model on each backend, in turns, so that ratios are fair on a busy machine; INT8 beside FP32.",
    ),
    Row(
        "export",
        "export:export",
        "Write a model as ONNX, 8-bit ONNX, OpenVINO IR, TFLite, Core ML or a torch program, each checked against its source.",
        extra="train",
    ),
    Row("data check", "data_check:check", "Check data sets: labels, pictures, class balance, and near copies or groups in two splits."),
    Row("data stats", "data_stats:stats", "Count data sets: by source, class and size, with groups and how far the labels reach."),
    Row(
        "data split",
        "data_split:split",
        "Split a data set by camera or scene; near copies stay together, classes and sources are kept even.",
    ),
    Row(
        "data pick",
        "data_pick:pick",
        "Pick few pictures out of many, of a class or of all: spread over cameras and sources, no near copies.",
    ),
    Row("data crops", "data_crops:crops", "Cut every object of a class out as a picture of its own, with what is labelled on it."),
    Row("data show", "data_show:show", "Draw pictures by chance, with their boxes and names, as one picture: what labels really say."),
    Row(
        "data simulate",
        "data_simulate:simulate",
        "Render labelled pictures of the simulated site as a COCO set, to train on beside real ones.",
    ),
    Row("data frames", "data_frames:frames", "Take pictures out of films as a COCO set in which nothing is labelled yet."),
    Row("data label", "data_label:label", "Label pictures with a model, for people to correct; what people have labelled already stands."),
    Row(
        "data feedback",
        "data_feedback:feedback",
        "Make a COCO set of the events that people called true or false alarms: true ones with their box, false ones as hard negatives.",
    ),
    Row("data convert", "data_convert:convert", "Write a data set as COCO, YOLO or Pascal VOC, with its splits."),
    Row(
        "train",
        "train:train",
        "Train a detector, or fine-tune one on your own pictures; goes on where it was stopped or killed.",
        extra="train",
    ),
    Row(
        "train classifier",
        "train_classifier:train_classifier",
        "Train a classifier on a folder of pictures for each class: first its head, then the network; goes on where it was stopped.",
        extra="train",
    ),
    Row(
        "tune",
        "tune:tune",
        "Look for good settings of a recipe by many short trainings, bad ones broken off; goes on where it was stopped.",
        extra="train",
    ),
    Row(
        "evaluate detector",
        "evaluate_detector:evaluate_detector",
        "COCO AP of a detector, through the code that cameras run: by source, class, size and group, with thresholds and speed.",
        extra="train",
    ),
    Row(
        "evaluate classifier",
        "evaluate_classifier:evaluate_classifier",
        "Accuracy of a classifier, through the code that cameras run: by class, what is taken for what, and how far to trust its scores.",
    ),
    Row(
        "evaluate faces",
        "evaluate_faces:evaluate_faces",
        "How well faces are told apart: pairs of two people taken for one, and of one taken for two, by threshold, and which one to take.",
    ),
    Row(
        "evaluate compliance",
        "evaluate_compliance:evaluate_compliance",
        "Precision and recall of what the rule `compliance` says of each person, and how often it says that nothing is to be seen.",
    ),
    Row("evaluate tracking", "evaluate_tracking:evaluate_tracking", "HOTA, MOTA and IDF1 of the tracker on MOTChallenge folders."),
)
_GROUPS = {
    "users": "People's accounts: the way back in for whoever lost a second factor.",
    "people": "People who are known by their faces: enrol, list, show, search, export, and delete until nothing is left.",
    "events": "Events of a running site: list them, follow them, take their proof away.",
    "cameras": "Cameras: find them on the network, add many at once.",
    "gestures": "Signs made with a hand.",
    "config": "The site's settings: as they are in the database, and as a file.",
    "models": "Detectors: list, add and show them; try, promote and roll back their versions.",
    "bench": "Measure cost on this machine.",
    "data": "Data sets: check, count, split, look at and convert them.",
    "evaluate": "Measure quality against ground truth.",
}


def _add_commands() -> None:
    groups = {name: typer.Typer(help=summary, no_args_is_help=True) for name, summary in _GROUPS.items()}
    alone: dict[str, type[LazyCommand]] = {}
    for row in COMMANDS:
        belongs_to, _, name = row.words.rpartition(" ")
        target = f"panops.commands.{row.target}"
        if belongs_to in alone:
            add_branch(alone[belongs_to], name, target, extra=row.extra)
            continue
        command = add_lazily(groups[belongs_to] if belongs_to else app, name, target, row.summary, extra=row.extra)
        if not belongs_to:
            alone[name] = command
    for name, group in groups.items():
        app.add_typer(group, name=name)


_add_commands()


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"panops {panops.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version and exit."),
) -> None:
    """From any of many cameras to a true alarm with proof. Start with: panops demo."""


def main() -> None:
    """Run the command line: exit code 0 fine, 1 it failed, 2 wrong usage or configuration."""
    try:
        app()
    except PanopsError as error:
        typer.echo(f"panops: {error}", err=True)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
    except BrokenPipeError:
        sys.exit(0)  # the reader of our output went away (| head)


if __name__ == "__main__":
    main()
