"""The first part of a classifier's training: its head alone, on features that the network gives once, which takes seconds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from panops.training.classifier_pictures import PictureShelf, as_tensor, augmented
from panops.training.classifier_recipe import ClassifierRecipe, cosine
from panops.training.mobilenet import ClassifierNetwork

_BATCH = 64
# Pictures the network sees at once: their largest tensors stay below what the C library gives back to the system after each use.
_LOOKED = 16
# Told how many pictures of how many are done.
Tell = Callable[[int, int], None]


class Stopped(Exception):
    """Somebody asked for a stop before the head was trained; there is nothing to save."""


def _silent(_done: int, _total: int) -> None:
    """Told nothing."""


@torch.no_grad()
def shelf_features(network: ClassifierNetwork, shelf: PictureShelf, tell: Tell = _silent) -> Tensor:
    """Pooled features (N, F) of the pictures as cameras show them.

    Args:
        network: In evaluation mode.
        shelf: The pictures.
        tell: Told how far it is.
    """
    found = []
    for first in range(0, len(shelf), _LOOKED):
        indices = range(first, min(first + _LOOKED, len(shelf)))
        found.append(network.features(as_tensor([shelf.plain(index) for index in indices])))
        tell(indices[-1] + 1, len(shelf))
    return torch.cat(found)


@torch.no_grad()
def _augmented_features(network: ClassifierNetwork, shelf: PictureShelf, recipe: ClassifierRecipe, tell: Tell) -> tuple[Tensor, Tensor]:
    """Features (copies * N, F) of the pictures, augmented, and their class ids; the first copy is the plain picture."""
    copies, count = recipe.head.copies, len(shelf)
    found = [shelf_features(network, shelf, lambda done, _: tell(done, copies * count))]
    for copy in range(1, copies):
        for first in range(0, count, _LOOKED):
            indices = range(first, min(first + _LOOKED, count))
            images = []
            for index in indices:
                chance = np.random.default_rng((recipe.seed, 3, copy, index))
                images.append(augmented(shelf.image(index), recipe.input_px, recipe.augment, chance))
            found.append(network.features(as_tensor(images)))
            tell(copy * count + indices[-1] + 1, copies * count)
    return torch.cat(found), torch.from_numpy(np.tile(shelf.class_ids(), copies))


def train_head(network: ClassifierNetwork, shelf: PictureShelf, recipe: ClassifierRecipe, tell: Tell = _silent) -> float:
    """Train the head; the rest of the network stays as it is.

    Args:
        network: Its head is changed.
        shelf: The pictures to learn from.
        recipe: How.
        tell: Told how many pictures the network has looked at.

    Returns:
        The loss of the last epoch, mean over all features.
    """
    network.eval()
    features, truth = _augmented_features(network, shelf, recipe, tell)
    # Each feature at the same spread: their own spans two orders of magnitude, and the rate is one for all.
    mean, spread = features.mean(0), features.std(0).clamp_min(1e-3)
    features = (features - mean) / spread
    chance = torch.Generator().manual_seed(recipe.seed)
    weight = torch.zeros(len(recipe.classes), features.shape[1], requires_grad=True)
    bias = torch.zeros(len(recipe.classes), requires_grad=True)
    optimiser = torch.optim.AdamW([weight, bias], lr=recipe.head.learning_rate, weight_decay=recipe.weight_decay)
    last = 0.0
    for epoch in range(recipe.head.epochs):
        rate = recipe.head.learning_rate * cosine(epoch / recipe.head.epochs)
        for group in optimiser.param_groups:
            group["lr"] = rate
        total = 0.0
        order = torch.randperm(len(features), generator=chance)
        for first in range(0, len(order), _BATCH):
            chosen = order[first : first + _BATCH]
            kept = torch.bernoulli(torch.full((len(chosen), features.shape[1]), 1 - recipe.dropout), generator=chance) / (
                1 - recipe.dropout
            )
            logits = (features[chosen] * kept) @ weight.T + bias
            loss = functional.cross_entropy(logits, truth[chosen], label_smoothing=recipe.label_smoothing)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimiser.step()
            total += float(loss.detach()) * len(chosen)
        last = total / len(features)
    with torch.no_grad():
        plain = weight / spread
        network.head.weight.copy_(plain[:, :, None, None])
        network.head.bias.copy_(bias - plain @ mean)  # type: ignore[union-attr]  # it has one
    return last
