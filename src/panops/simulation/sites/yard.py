"""The yard: a delivery area before a warehouse."""

from __future__ import annotations

from panops.simulation.light import linear
from panops.simulation.scenery import Block, Lamp, Parked, Site, SiteBuilder, Tree, Way
from panops.simulation.sites.daylight import daylight


def yard() -> Site:
    """A delivery yard before a warehouse."""
    build = SiteBuilder()
    build.floor((-60, -2), (60, 90), "grass")
    build.floor((-26, -2), (26, 20), "concrete", slab=4.0)
    build.strip((-26, 13.4), (26, 13.4), 6.2, "asphalt")
    for z in (10.35, 16.45):
        build.strip((-26, z), (26, z), 0.12, "paint", rgb=linear(210, 206, 196))
    yellow = linear(214, 170, 50)
    base = linear(150, 148, 142)
    for start, end in (((-5.5, 7.2), (0.5, 7.2)), ((0.5, 7.2), (0.5, 9.9)), ((0.5, 9.9), (-5.5, 9.9)), ((-5.5, 9.9), (-5.5, 7.2))):
        build.strip(start, end, 0.13, "paint", rgb=yellow, base=base)
    for step in range(5):
        build.strip((-5.2 + step * 1.2, 7.3), (-4.2 + step * 1.2, 9.8), 0.13, "paint", rgb=yellow, base=base)
    build.block(Block((-5.0, 25.0), 27.0, 5.1, 10.0), "corrugated", rgb=linear(126, 142, 154))
    build.wall((-18.5, 19.96), (8.5, 19.96), 4.75, 5.1, "painted", rgb=linear(52, 78, 112))
    build.wall((-18.5, 19.95), (8.5, 19.95), 0.0, 0.5, "concrete", rgb=linear(120, 118, 114))
    for x in (-13.7, -8.3, -2.9):
        build.wall((x - 1.9, 19.93), (x + 1.9, 19.93), 0.0, 4.0, "painted", rgb=linear(58, 62, 68))
        build.wall((x - 1.65, 19.9), (x + 1.65, 19.9), 0.05, 3.75, "shutter")
        build.block(Block((x - 1.95, 19.7), 0.2, 1.0, 0.3), "stripes", rgb=linear(226, 180, 40), second=linear(30, 30, 32), period=0.3)
        build.block(Block((x + 1.95, 19.7), 0.2, 1.0, 0.3), "stripes", rgb=linear(226, 180, 40), second=linear(30, 30, 32), period=0.3)
    build.wall((2.0, 19.93), (3.1, 19.93), 0.0, 2.2, "painted", rgb=linear(64, 84, 74))
    build.wall((-0.4, 19.93), (3.8, 19.93), 3.95, 4.7, "painted", rgb=linear(222, 222, 216))
    build.wall((-0.2, 19.92), (0.6, 19.92), 4.1, 4.55, "painted", rgb=linear(170, 46, 40))
    build.windows((8.4, 19.95), (4.0, 19.95), (3.2,), 3, (1.1, 1.0), lit=0.7)
    build.block(Block((15.5, 23.0), 11.0, 5.2, 9.0), "brick")
    build.windows((20.5, 18.45), (10.4, 18.45), (0.9, 3.1), 5, (1.2, 1.3), lit=0.5)
    build.block(Block((-13.0, 17.6), 6.06, 2.6, 2.44), "corrugated", "corrugated", rgb=linear(150, 74, 44), rib=0.28)
    build.block(Block((10.2, 17.3), 1.2, 0.9, 1.0), "wood", "wood")
    build.block(Block((11.6, 17.5), 1.2, 1.35, 1.0), "wood", "wood", rgb=linear(168, 130, 88))
    build.block(Block((7.4, 19.3), 1.4, 1.2, 0.9), "painted", "painted", rgb=linear(52, 92, 70))
    return Site(
        "yard",
        4.6,
        17.0,
        66.0,
        tuple(build.surfaces),
        tuple(build.blocks),
        (
            Tree((11.0, 33.0), 9.0, 3.4, 2.2, 3),
            Tree((19.0, 31.0), 8.2, 3.2, 2.2, 5),
            Tree((-24.0, 30.0), 9.5, 3.8, 2.4, 7),
            Tree((24.0, 36.0), 10.0, 4.0, 2.4, 9),
        ),
        (
            Lamp((-10.9, 4.4, 19.2), (9, 6.6, 3.8)),
            Lamp((-0.2, 4.4, 19.2), (9, 6.6, 3.8)),
            Lamp((2.6, 2.9, 19.3), (4, 3.2, 2.2)),
            Lamp((7.5, 6.0, 12.0), (26, 20, 12)),
            Lamp((-7.5, 6.0, 9.0), (22, 17, 10)),
        ),
        (Parked("van", 11, (6.3, 18.0), 1.55), Parked("hatch", 4, (-8.4, 17.9), -1.6)),
        (
            Way("walk", ((-12, 8.6), (-4, 8.4), (3, 8.9), (12, 9.4)), 3.0, ((0.42, 0.30, 40.0),), spread_m=0.5),
            Way("walk", ((2.55, 19.6), (2.2, 17), (0.5, 12.5), (-2.2, 8.8), (-3.4, 2.0)), 2.0, ((0.62, 0.35, 30.0),)),
            Way("walk", ((14, 11.6), (5, 11.2), (-3, 10.6), (-14, 12.2)), 2.0, ((0.5, 0.15, 20.0),), spread_m=0.5),
            Way("walk", ((4.5, 2.0), (4.2, 8), (3.2, 14), (2.55, 19.6)), 1.5),
            Way("drive", ((30, 14.8), (-30, 14.8)), 1.6, both=False),
            Way("drive", ((-30, 12.0), (30, 12.0)), 1.6, both=False),
            Way("cycle", ((-14, 10.9), (14, 10.6)), 0.4),
            Way("cat", ((-12, 7.4), (-5, 8.0), (2, 7.2), (11, 8.2)), 0.35, ((0.5, 0.5, 8.0),)),
            Way("bird", ((-16, 16), (0, 15), (18, 19)), 0.3),
        ),
        daylight(-118, 42),
        "forest",
        {"loading_bay": ((-5.5, 7.2), (0.5, 7.2), (0.5, 9.9), (-5.5, 9.9)), "driveway": ((-9, 10.4), (9, 10.4), (11, 16.4), (-11, 16.4))},
        {"yard_line": ((2.4, 6.2), (2.4, 16.4))},
    )
