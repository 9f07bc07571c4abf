"""The room: an office lobby with windows to the left, a doorway behind and sun on the floor."""

from __future__ import annotations

from panops.simulation.light import Light, linear
from panops.simulation.scenery import Block, Lamp, Site, SiteBuilder, Tree, Way

WIDE, DEEP, HIGH = 5.2, 10.2, 3.1


def room() -> Site:
    """The lobby; people come through the doorway at the back or from below the camera."""
    build = SiteBuilder()
    build.floor((-WIDE, -1), (WIDE, DEEP), "tiles", rgb=linear(178, 170, 158))
    build.floor((-WIDE, DEEP), (WIDE, 15.0), "tiles", rgb=linear(150, 144, 136))
    build.floor((-3.2, 2.6), (0.6, 6.2), "painted", rgb=linear(96, 72, 66))
    build.floor((-3.05, 2.75), (0.45, 6.05), "painted", rgb=linear(126, 92, 80))
    _walls(build)
    _furniture(build)
    return Site(
        "room",
        2.85,
        25.0,
        76.0,
        tuple(build.surfaces),
        tuple(build.blocks),
        (Tree((-4.5, 9.5), 1.75, 0.55, 0.55, 41, linear(58, 98, 50)), Tree((4.7, 2.4), 1.5, 0.45, 0.5, 42, linear(70, 108, 52))),
        (
            Lamp((-2.4, 3.0, 3.0), (2.7, 2.6, 2.4), always=True),
            Lamp((2.4, 3.0, 3.0), (2.7, 2.6, 2.4), always=True),
            Lamp((-2.4, 3.0, 7.5), (2.7, 2.6, 2.4), always=True),
            Lamp((2.4, 3.0, 7.5), (2.7, 2.6, 2.4), always=True),
            Lamp((1.8, 2.9, 12.6), (2.6, 2.4, 2.1), always=True),
        ),
        (),
        (
            Way(
                "walk",
                ((6.0, 12.8), (2.0, 12.6), (1.8, 9.6), (0.2, 6.4), (-1.5, 3.8), (-1.8, 0.2)),
                3.0,
                ((0.62, 0.45, 40.0),),
                spread_m=0.25,
            ),
            Way(
                "walk", ((-6.0, 12.6), (1.4, 12.4), (1.8, 9.8), (2.6, 7.6), (2.7, 6.9)), 1.6, ((0.99, 1.0, 30.0),), spread_m=0.1, back=True
            ),
            Way("walk", ((2.2, 0.3), (1.8, 4.0), (1.9, 9.6), (1.6, 12.5), (-6.0, 12.8)), 2.4, ((0.3, 0.25, 20.0),), spread_m=0.25),
            Way(
                "walk",
                ((-6.0, 12.6), (1.4, 12.6), (1.8, 9.6), (-1.2, 7.4), (-3.6, 6.9)),
                1.6,
                ((0.99, 1.0, 45.0),),
                spread_m=0.15,
                back=True,
            ),
            Way("cat", ((1.8, 12.5), (1.6, 9.4), (-0.5, 6.0), (0.5, 3.2), (3.0, 1.0)), 0.12, ((0.5, 0.6, 10.0),)),
        ),
        Light((-0.80, 0.52, -0.30), (1.7, 1.5, 1.2), (0.42, 0.43, 0.45), (0.28, 0.26, 0.23), (0.5, 0.5, 0.5), 4000.0),
        "none",
        {"reception": ((0.9, 5.4), (4.6, 5.4), (4.6, 8.0), (0.9, 8.0)), "carpet": ((-3.2, 2.6), (0.6, 2.6), (0.6, 6.2), (-3.2, 6.2))},
        {"doorway": ((0.6, 10.0), (3.0, 10.0))},
    )


def _walls(build: SiteBuilder) -> None:
    cream = linear(214, 208, 196)
    build.floor((-WIDE, -1), (WIDE, 15.0), "painted", HIGH, rgb=linear(222, 222, 218))
    build.wall((-WIDE, DEEP), (0.7, DEEP), 0.0, HIGH, "painted", rgb=cream)
    build.wall((2.9, DEEP), (WIDE, DEEP), 0.0, HIGH, "painted", rgb=cream)
    build.wall((0.7, DEEP), (2.9, DEEP), 2.2, HIGH, "painted", rgb=cream)
    for low, high in ((0.58, 0.72), (2.88, 3.02)):
        build.wall((low, DEEP - 0.03), (high, DEEP - 0.03), 0.0, 2.3, "painted", rgb=linear(120, 84, 58))
    build.wall((0.58, DEEP - 0.03), (3.02, DEEP - 0.03), 2.2, 2.34, "painted", rgb=linear(120, 84, 58))
    build.wall((-8, 14.6), (8, 14.6), 0.0, HIGH, "painted", rgb=linear(176, 184, 188))
    build.wall((WIDE, -1), (WIDE, DEEP), 0.0, HIGH, "painted", rgb=linear(146, 160, 166))
    for z in (-0.5, 2.2, 4.9, 7.6):
        build.wall((-WIDE, z), (-WIDE, z + 2.1), 0.9, 2.5, "glow")
    day = (0.55, 0.68, 0.85)
    for z in (-0.5, 2.2, 4.9, 7.6):
        for pane in (0.06, 1.08):
            build.wall((-WIDE + 0.01, z + pane), (-WIDE + 0.01, z + pane + 0.96), 0.96, 2.44, "glow", glow=day)
    build.wall((-WIDE, -1), (-WIDE, DEEP), 0.0, 0.9, "painted", rgb=cream)
    build.wall((-WIDE, -1), (-WIDE, DEEP), 2.5, HIGH, "painted", rgb=cream)
    edges = (-1.0, -0.5, 1.6, 2.2, 4.3, 4.9, 7.0, 7.6, 9.7, DEEP)
    for low, high in zip(edges[::2], edges[1::2], strict=True):
        build.wall((-WIDE, low), (-WIDE, high), 0.9, 2.5, "painted", rgb=cream)
        build.blocks.append(Block((-WIDE - 0.1, (low + high) / 2), 0.2, HIGH, high - low))
    build.blocks += [
        Block((-WIDE - 0.1, 4.6), 0.2, 0.9, 12.0),
        Block((-WIDE - 0.1, 4.6), 0.2, 0.7, 12.0, 0.0, 2.5),
        Block((0, 6.6), 11.5, 0.2, 17.0, 0.0, HIGH),
    ]
    build.blocks.append(Block((-3.0, DEEP + 0.05), 7.2, HIGH, 0.1))
    for start, end in (
        ((-WIDE, DEEP - 0.015), (0.58, DEEP - 0.015)),
        ((3.02, DEEP - 0.015), (WIDE, DEEP - 0.015)),
        ((WIDE - 0.015, -1), (WIDE - 0.015, DEEP)),
    ):
        build.wall(start, end, 0.0, 0.11, "painted", rgb=linear(92, 74, 60))


def _furniture(build: SiteBuilder) -> None:
    dark = linear(60, 50, 46)
    build.block(Block((3.2, 6.2), 2.6, 1.08, 0.6), "wood", "painted", rgb=linear(140, 96, 62))
    build.block(Block((3.2, 6.15), 2.8, 0.05, 0.75, 0.0, 1.08), "painted", "painted", rgb=linear(206, 204, 198))
    build.block(Block((3.7, 6.35), 0.55, 0.36, 0.05, -0.2, 1.2), "painted", "painted", rgb=linear(30, 30, 32))
    build.block(Block((-4.35, 4.3), 0.9, 0.42, 2.4), "painted", "painted", rgb=linear(70, 86, 98))
    build.block(Block((-4.75, 4.3), 0.22, 0.85, 2.4), "painted", "painted", rgb=linear(64, 80, 92))
    for z in (3.05, 5.55):
        build.block(Block((-4.35, z), 0.9, 0.6, 0.18), "painted", "painted", rgb=linear(64, 80, 92))
    build.block(Block((-2.7, 4.4), 0.7, 0.04, 1.1, 0.0, 0.40), "wood", "wood")
    for x, z in ((-3.0, 3.9), (-2.4, 3.9), (-3.0, 4.9), (-2.4, 4.9)):
        build.block(Block((x, z), 0.05, 0.40, 0.05), "painted", "painted", rgb=dark)
    build.wall((-3.9, DEEP - 0.03), (-2.4, DEEP - 0.03), 1.2, 2.2, "painted", rgb=dark)
    build.wall(
        (-3.84, DEEP - 0.04),
        (-2.46, DEEP - 0.04),
        1.26,
        2.14,
        "stripes",
        rgb=linear(60, 110, 140),
        second=linear(206, 190, 140),
        period=0.5,
    )
    build.wall((3.5, DEEP - 0.03), (4.7, DEEP - 0.03), 1.1, 2.1, "painted", rgb=linear(196, 190, 176))
    build.wall((3.6, DEEP - 0.04), (4.6, DEEP - 0.04), 1.2, 2.0, "gravel", rgb=linear(150, 128, 150))
    build.wall((WIDE - 0.03, 3.4), (WIDE - 0.03, 4.9), 1.2, 2.2, "painted", rgb=dark)
    build.wall((WIDE - 0.04, 3.46), (WIDE - 0.04, 4.84), 1.26, 2.14, "grass", rgb=linear(120, 140, 90))
    build.block(Block((-4.5, 9.5), 0.42, 0.5, 0.42), "painted", "painted", rgb=linear(190, 184, 174))
    build.block(Block((4.7, 2.4), 0.36, 0.45, 0.36), "painted", "painted", rgb=linear(190, 184, 174))
    build.block(Block((0.2, 9.9), 0.35, 0.6, 0.35), "painted", "painted", rgb=linear(84, 92, 98))
