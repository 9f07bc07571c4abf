"""The second part of a classifier's training: the network from a chosen block on, a step at a time, resumable after any of them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from panops.domain.errors import ModelUnsupported, PanopsError
from panops.training.average import WeightAverage
from panops.training.checkpoint import read_checkpoint, write_checkpoint
from panops.training.classifier_pictures import EpochBatches, PictureShelf, as_tensor
from panops.training.classifier_recipe import KIND, ClassifierRecipe, cosine, differences
from panops.training.history import History
from panops.training.mobilenet import ClassifierNetwork, ClassifierShape, first_part

HEADLINE = "accuracy"
_CLIP_NORM = 5.0
# As in `classifier_head`: small enough for memory to be used again.
_LOOKED = 16


@dataclass(slots=True)
class ClassifierProgress:
    """Where a training is.

    Attributes:
        headed: Whether the head has had its own part.
        step: Steps of the second part that are done.
        steps: How many it has.
        best: The best accuracy on the part held back, with the loss there taken off a thousandth each; -inf before the first.
        best_step: When that was.
        epochs_since_best: How many epochs got no better since.
        seconds: Time spent so far, s.
        cpu_seconds: CPU time of that, of all threads, s: what it takes on a machine that does nothing else.
    """

    headed: bool = False
    step: int = 0
    steps: int = 0
    best: float = -math.inf
    best_step: int = 0
    epochs_since_best: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0


class ClassifierTrainer:
    """One training.

    Args:
        recipe: What to do.
        network: With its start weights.
        folder: Where `last.pt`, `best.pt` and the history go.
        learn: The pictures to learn from.
        held: The pictures held back, which decide what is best.
    """

    def __init__(self, recipe: ClassifierRecipe, network: ClassifierNetwork, folder: Path, learn: PictureShelf, held: PictureShelf) -> None:
        self.recipe, self.network = recipe, network
        self.progress = ClassifierProgress(steps=recipe.steps(len(learn)))
        self._folder, self._learn, self._held = folder, learn, held
        self._frozen = min(first_part(recipe.unfreeze), len(network.parts)) if recipe.fine_tunes else len(network.parts)
        for part in network.parts[: self._frozen]:
            part.requires_grad_(requires_grad=False)
        self._optimiser = torch.optim.AdamW(self._groups(), lr=recipe.learning_rate)
        self._average = WeightAverage(network, recipe.average_decay, warm_steps=max(1.0, self.progress.steps / 20))
        self.history = History(folder / "history.jsonl")

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or nothing got better for long enough."""
        progress, patience = self.progress, self.recipe.patience
        return progress.headed and (progress.step >= progress.steps or 0 < patience <= progress.epochs_since_best)

    def resume(self) -> bool:
        """Go on from `last.pt` when there is one.

        Raises:
            ModelUnsupported: It belongs to another recipe or other pictures, or it is damaged.
        """
        path = self._folder / "last.pt"
        if not path.is_file():
            self.history.cut(-1)
            return False
        content = read_checkpoint(path)
        other = differences(self.recipe, content.get("recipe", {})) if content.get("kind") == KIND else ["it is a detector's"]
        if not other and content["progress"]["steps"] != self.progress.steps:
            other = ["the number of pictures is another one"]
        if other:
            raise ModelUnsupported(
                f"{path}: expected the checkpoint of this training, got one of another ({'; '.join(other)});"
                " train into another folder, or start anew with --restart"
            )
        self.network.load_state_dict(content["model"])
        self._average.load(content["ema"], content["ema_steps"])
        self._optimiser.load_state_dict(content["optimiser"])
        self.progress = ClassifierProgress(**content["progress"])
        self.history.cut(self.progress.step)
        return True

    def begin_second_part(self) -> dict[str, float]:
        """Note that the head is trained: measure it, and keep it as the best so far.

        Returns:
            The figures on the part held back.
        """
        self._average = WeightAverage(self.network, self.recipe.average_decay, warm_steps=max(1.0, self.progress.steps / 20))
        self.progress.headed = True
        figures = self._measure()
        self.save("last.pt")
        return figures

    def run(
        self,
        tell: Callable[[int, Mapping[str, float]], None],
        measured: Callable[[Mapping[str, float]], None],
        stop: Callable[[], bool],
    ) -> None:
        """Train to the end, until nothing gets better, or until asked to stop; then it is saved.

        Args:
            tell: Told the step and its figures.
            measured: Told the figures on the part held back, once an epoch.
            stop: Asked after every step.
        """
        recipe = self.recipe
        an_epoch = recipe.steps_an_epoch(len(self._learn))
        plain_from = recipe.epochs - math.ceil(recipe.epochs * recipe.augment.plain_last)
        while not self.finished:
            epoch, first = divmod(self.progress.step, an_epoch)
            plain = epoch >= plain_from
            batches = EpochBatches(self._learn, recipe.augment, recipe.batch, recipe.seed, epoch, plain=plain)
            began_s, cpu_began_s = time.monotonic(), time.process_time()
            for pictures, truth in batches.from_batch(first):
                figures = self._step(pictures, truth, plain=plain)
                now_s = time.monotonic()
                self.progress.seconds += now_s - began_s
                cpu_s = time.process_time()
                self.progress.cpu_seconds += cpu_s - cpu_began_s
                cpu_began_s = cpu_s
                speed, began_s = len(truth) / max(1e-6, now_s - began_s), now_s
                self.history.step(self.progress.step, figures, speed)
                tell(self.progress.step, {**figures, "speed": speed})
                if stop() and self.progress.step % an_epoch:
                    self.save("last.pt")
                    return
            measured(self._measure())
            self.save("last.pt")
            if stop():
                return

    def _step(self, pictures: Tensor, truth: Tensor, *, plain: bool) -> dict[str, float]:
        recipe, network, step = self.recipe, self.network, self.progress.step
        torch.manual_seed(hash((recipe.seed, step)) % 2**31)  # dropout: the same whether it was stopped before or not
        share = cosine(step / max(1, self.progress.steps))
        for group in self._optimiser.param_groups:
            group["lr"] = recipe.learning_rate * share * group["share"]
        targets = self._targets(truth)
        if recipe.augment.mix_up and not plain:
            chance = np.random.default_rng((recipe.seed, 4, step))
            part = float(chance.beta(recipe.augment.mix_up, recipe.augment.mix_up))
            other = torch.from_numpy(chance.permutation(len(truth)))
            pictures = part * pictures + (1 - part) * pictures[other]
            targets = part * targets + (1 - part) * targets[other]
        self._learning_mode()
        with torch.no_grad():
            some = (pictures[first : first + _LOOKED] for first in range(0, len(pictures), _LOOKED))
            x = torch.cat([network.upto(network.normalised(few), 0, self._frozen) for few in some])
        logits = network.answer(network.pooled(network.upto(x, self._frozen, len(network.parts))))
        loss = functional.cross_entropy(logits, targets)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        norm = nn.utils.clip_grad_norm_(network.parameters(), _CLIP_NORM)
        if not bool(torch.isfinite(norm)):
            raise PanopsError("the loss is not a number any more: lower learning_rate, and train again with --restart")
        self._optimiser.step()
        self._average.update()
        self.progress.step += 1
        right = float((logits.argmax(1) == targets.argmax(1)).float().mean())
        return {"loss": float(loss.detach()), "right": right, "gradient": float(norm), "rate": recipe.learning_rate * share}

    def _targets(self, truth: Tensor) -> Tensor:
        """(B, C): the truth, a little of it spread over all classes."""
        count, smoothing = len(self.recipe.classes), self.recipe.label_smoothing
        return functional.one_hot(truth, count).float() * (1 - smoothing) + smoothing / count

    def _learning_mode(self) -> None:
        self.network.train()
        for part in self.network.parts[: self._frozen]:
            part.eval()

    def _measure(self) -> dict[str, float]:
        """The averaged weights on the part held back; kept as `best.pt` when they are the best so far."""
        network = ClassifierNetwork(self.network.shape)
        network.load_state_dict(self._average.state)
        figures = held_back_figures(network.eval(), self._held)
        progress = self.progress
        self.history.evaluation(progress.step, figures)
        # Few pictures are held back, so accuracies are often equal: then the loss says more.
        score = figures[HEADLINE] - 1e-3 * figures["loss"]
        if score > progress.best:
            progress.best, progress.best_step, progress.epochs_since_best = score, progress.step, 0
            self.save("best.pt")
        else:
            progress.epochs_since_best += 1
        return figures

    def _groups(self) -> list[dict[str, Any]]:
        """Weights decay, biases and normalisations do not; the head learns faster than the blocks."""
        groups: list[dict[str, Any]] = []
        places = ((self.network.parts[self._frozen :].parameters(), self.recipe.backbone_rate), (self.network.head.parameters(), 1.0))
        for parameters, share in places:
            own = list(parameters)
            for chosen, decay in (
                ([one for one in own if one.ndim > 1], self.recipe.weight_decay),
                ([one for one in own if one.ndim <= 1], 0.0),
            ):
                if chosen:
                    groups.append({"params": chosen, "weight_decay": decay, "share": share})
        return groups

    def save(self, name: str) -> None:
        """Write a checkpoint.

        Raises:
            PanopsError: The disk is full.
        """
        shape = self.network.shape
        content: dict[str, Any] = {
            "kind": KIND,
            "recipe": self.recipe.model_dump(mode="json"),
            "shape": {"classes": list(shape.classes), "width": shape.width, "dropout": shape.dropout},
            "model": self.network.state_dict(),
            "ema": self._average.state,
            "ema_steps": self._average.steps,
            "optimiser": self._optimiser.state_dict(),
            "progress": asdict(self.progress),
        }
        if name == "best.pt":  # what is exported: nothing goes on from it
            content = {key: value for key, value in content.items() if key not in ("model", "optimiser")}
        write_checkpoint(self._folder / name, content)


@torch.no_grad()
def held_back_figures(network: ClassifierNetwork, shelf: PictureShelf) -> dict[str, float]:
    """Accuracy and mean loss on pictures as cameras show them."""
    truth = torch.from_numpy(shelf.class_ids())
    logits = []
    for first in range(0, len(shelf), _LOOKED):
        indices = range(first, min(first + _LOOKED, len(shelf)))
        logits.append(network(as_tensor([shelf.plain(index) for index in indices])))
    found = torch.cat(logits)
    right = (found.argmax(1) == truth).float().mean()
    return {HEADLINE: float(right), "loss": float(functional.cross_entropy(found, truth))}


def load_classifier(path: Path) -> tuple[ClassifierNetwork, dict[str, Any]]:
    """The network of a checkpoint with its averaged weights, in evaluation mode, and the checkpoint.

    Raises:
        ModelNotFound: There is no such file.
        ModelUnsupported: It is damaged, or not one of a classifier.
    """
    content = read_checkpoint(path)
    if content.get("kind") != KIND:
        raise ModelUnsupported(f"{path}: expected the checkpoint of a classifier, got one of a detector")
    fields = content["shape"]
    network = ClassifierNetwork(ClassifierShape(tuple(fields["classes"]), fields["width"], fields["dropout"]))
    network.load_state_dict(content["ema"])
    return network.eval(), content
