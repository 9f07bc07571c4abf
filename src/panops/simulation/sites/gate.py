"""The gate: a plant's entrance with wall, gatehouse and barrier."""

from __future__ import annotations

from panops.simulation.light import linear
from panops.simulation.scenery import Block, Lamp, Parked, Site, SiteBuilder, Tree, Way
from panops.simulation.sites.daylight import daylight


def gate() -> Site:
    """The entrance of a plant: wall, gatehouse and barrier."""
    build = SiteBuilder()
    build.floor((-80, -2), (80, 140), "grass")
    build.floor((-3.6, -2), (3.4, 24), "asphalt")
    build.strip((-60, 22.0), (60, 22.0), 7.0, "asphalt", rgb=linear(86, 86, 88))
    for number in range(30):
        build.strip((-58 + number * 4.0, 22.0), (-56 + number * 4.0, 22.0), 0.14, "paint")
    build.floor((-3.6, 17.0), (3.4, 18.4), "asphalt")
    build.strip((-60, 17.4), (-3.6, 17.4), 1.8, "paving")
    build.strip((3.4, 17.4), (60, 17.4), 1.8, "paving")
    build.strip((-2.6, -2), (-2.6, 17.0), 1.9, "paving")
    build.strip((-3.55, -2), (-3.55, 17.0), 0.2, "concrete", rgb=linear(170, 168, 162))
    build.strip((-1.62, -2), (-1.62, 17.0), 0.16, "concrete", rgb=linear(170, 168, 162))
    build.strip((-1.5, 12.2), (3.3, 12.2), 0.4, "paint")
    build.block(Block((-13.6, 14.0), 19.6, 2.3, 0.35), "brick", "concrete")
    build.block(Block((14.6, 14.0), 17.0, 2.3, 0.35), "brick", "concrete")
    for x in (-3.75, 6.05):
        build.block(Block((x, 14.0), 0.7, 2.8, 0.7), "brick", "concrete", rgb=linear(132, 72, 56))
    build.block(Block((4.75, 13.4), 2.1, 2.6, 2.2), "painted", "painted", rgb=linear(212, 214, 212))
    build.block(Block((4.75, 13.4), 2.6, 0.16, 2.7, 0.0, 2.6), "painted", "painted", rgb=linear(60, 66, 74))
    build.windows((5.65, 12.28), (3.85, 12.28), (1.0,), 1, (1.5, 1.1), lit=1.0)
    build.windows((3.68, 12.4), (3.68, 14.4), (1.0,), 1, (1.4, 1.1), lit=1.0)
    build.block(Block((-1.35, 13.0), 0.32, 1.1, 0.42), "painted", "painted", rgb=linear(214, 120, 36))
    build.block(Block((3.35, 13.0), 0.12, 0.9, 0.12), "painted", "painted", rgb=linear(60, 64, 68))
    build.wall((7.2, 13.80), (10.4, 13.80), 0.7, 1.9, "painted", rgb=linear(222, 222, 218))
    build.wall((7.4, 13.79), (8.3, 13.79), 0.9, 1.7, "painted", rgb=linear(38, 92, 140))
    build.wall((8.6, 13.79), (10.2, 13.79), 1.2, 1.4, "painted", rgb=linear(60, 64, 70))
    build.block(Block((-14.0, 34.0), 16.0, 6.0, 8.0), "plaster", rgb=linear(196, 188, 170))
    build.windows((-6.2, 29.95), (-21.8, 29.95), (1.0, 3.6), 6, (1.3, 1.4), lit=0.4)
    for x in (-7.5, -5.8, 8.0, 9.7):
        build.block(Block((x, 8.4), 0.9, 0.55, 0.9), "concrete", "grass", rgb=linear(150, 146, 138))
    return Site(
        "gate",
        4.3,
        16.0,
        62.0,
        tuple(build.surfaces),
        tuple(build.blocks),
        (
            Tree((9.0, 29.0), 8.4, 3.2, 2.4, 22),
            Tree((17.0, 32.0), 9.2, 3.7, 2.4, 23),
            Tree((1.0, 38.0), 9.0, 3.4, 2.4, 24),
            Tree((-7.8, 17.0), 5.2, 1.7, 1.9, 25),
        ),
        (
            Lamp((-4.4, 4.6, 13.6), (20, 16, 10)),
            Lamp((4.7, 2.5, 11.9), (5, 4.2, 3.0)),
            Lamp((6.2, 4.6, 13.6), (20, 16, 10)),
            Lamp((-9, 6.5, 18.5), (26, 19, 10)),
            Lamp((12, 6.5, 18.5), (26, 19, 10)),
        ),
        (Parked("hatch", 3, (8.9, 11.2), -1.45),),
        (
            Way("walk", ((-16, 17.4), (-5, 17.4), (-2.6, 16.2), (-2.6, 8), (-2.6, 1.5)), 3.0, ((0.62, 0.25, 20.0),), spread_m=0.3),
            Way("walk", ((16, 17.4), (4, 17.5), (-1.8, 17.0), (-2.5, 14), (-2.4, 1.5)), 2.0, spread_m=0.3),
            Way("walk", ((-10, 9.6), (-2.6, 9.2), (2.4, 9.8), (3.9, 11.6)), 1.2, ((0.98, 0.8, 25.0),)),
            Way("walk", ((-18, 17.4), (18, 17.4)), 1.2, spread_m=0.5),
            Way(
                "drive",
                ((-36, 20.4), (-4.0, 20.4), (0.2, 19.0), (0.9, 16.6), (0.9, 8), (0.9, -8)),
                1.6,
                ((0.70, 1.0, 3.0),),
                both=False,
                bound=True,
            ),
            Way("drive", ((-50, 20.4), (50, 20.4)), 1.3, both=False),
            Way("drive", ((50, 23.6), (-50, 23.6)), 1.3, both=False),
            Way("cycle", ((-2.0, 1.0), (-1.0, 10), (-0.9, 17.6), (6, 20.2), (30, 20.3)), 0.4, both=False),
            Way("cat", ((-10, 12.8), (-4.5, 12.2), (-2.8, 9), (-9, 7.5)), 0.3, ((0.5, 0.5, 6.0),)),
            Way("bird", ((14, 15), (2, 13), (-14, 18)), 0.3),
        ),
        daylight(-125, 40, 1.06),
        "forest",
        {"entrance": ((-3.6, 8.0), (3.4, 8.0), (3.4, 13.6), (-3.6, 13.6)), "gatehouse": ((1.9, 9.3), (6.2, 9.3), (6.2, 12.3), (1.9, 12.3))},
        {"gate_line": ((-3.4, 13.9), (3.7, 13.9))},
        boom=((-1.35, 13.0), (3.35, 13.0), 0.98),
    )
