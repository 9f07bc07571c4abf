"""The street: shops, parked cars and a zebra crossing."""

from __future__ import annotations

from panops.simulation.light import linear
from panops.simulation.scenery import Block, Lamp, Parked, Site, SiteBuilder, Tree, Way
from panops.simulation.sites.daylight import daylight


def street() -> Site:
    """A town street with shops, parked cars and a zebra crossing."""
    build = SiteBuilder()
    build.floor((-80, -2), (80, 160), "paving", rgb=linear(150, 146, 140))
    build.floor((1.0, -2), (10.6, 160), "asphalt")
    build.strip((5.05, 16.6), (5.05, 160), 0.14, "paint")
    for number in range(12):
        z = -1.5 + number * 3.0
        if z < 11 or z > 17:
            build.strip((5.05, z), (5.05, z + 1.6), 0.13, "paint")
    build.strip((8.45, 17.4), (8.45, 160), 0.10, "paint")
    build.floor((1.0, 12.4), (10.6, 15.6), "crossing")
    build.strip((5.3, 11.4), (8.4, 11.4), 0.35, "paint")
    build.strip((1.1, 16.6), (4.9, 16.6), 0.35, "paint")
    for x in (0.86, 10.74):
        build.block(Block((x, 79.0), 0.28, 0.11, 162.0), "concrete", "concrete", rgb=linear(168, 164, 158))
    build.block(Block((-11.5, 12.0), 12.0, 8.5, 17.0), "plaster", rgb=linear(206, 190, 162))
    build.block(Block((-11.8, 31.0), 12.0, 11.0, 20.0), "brick")
    build.block(Block((-11.4, 57.0), 12.0, 9.0, 30.0), "plaster", rgb=linear(176, 182, 184))
    build.block(Block((20.0, 15.0), 12.0, 10.0, 26.0), "brick", rgb=linear(128, 78, 64))
    build.block(Block((20.4, 43.0), 12.0, 8.0, 28.0), "plaster", rgb=linear(214, 206, 188))
    build.block(Block((20.0, 76.0), 12.0, 12.0, 34.0), "plaster", rgb=linear(186, 170, 154))
    for z0, z1, count in ((4.0, 20.4, 5), (21.2, 41.0, 6), (43.0, 71.0, 7)):
        x = -5.45 if z0 < 20 else -5.75 if z0 < 42 else -5.35
        build.windows((x, z1), (x, z0), (4.2, 6.6) if z0 < 20 else (4.3, 6.7, 8.9), count, (1.3, 1.5), lit=0.4)
    for z0, z1, tone in (
        (4.4, 9.2, (60, 76, 90)),
        (10.0, 14.4, (120, 52, 46)),
        (15.2, 20.0, (50, 84, 66)),
        (22, 30, (70, 66, 60)),
        (31, 40, (44, 62, 100)),
    ):
        x = -5.44 if z0 < 20 else -5.74
        build.wall((x, z0), (x, z1), 2.75, 3.4, "painted", rgb=linear(*tone))
        build.windows((x, z1), (x, z0), (0.55,), 2, ((z1 - z0) / 2 - 0.5, 2.1), lit=0.9)
    for z0, z1, count in ((4.0, 28.0, 7), (29.5, 57.0, 8), (60.0, 92.0, 8)):
        build.windows((13.95, z0), (13.95, z1), (0.9, 3.6, 6.2), count, (1.3, 1.6), lit=0.4)
    for x, z in ((0.35, 11.9), (11.2, 16.1)):
        build.block(Block((x, z), 0.12, 3.2, 0.12), "painted", "painted", rgb=linear(70, 74, 78))
        build.block(Block((x, z), 0.34, 0.85, 0.3, 0.0, 2.3), "painted", "painted", rgb=linear(34, 36, 38))
    build.block(Block((-4.4, 9.0), 0.5, 0.95, 0.5), "painted", "painted", rgb=linear(70, 92, 74))
    return Site(
        "street",
        5.2,
        15.0,
        68.0,
        tuple(build.surfaces),
        tuple(build.blocks),
        (
            Tree((12.0, 21.5), 6.8, 2.3, 2.5, 12),
            Tree((12.0, 34.0), 7.0, 2.5, 2.5, 13),
            Tree((-3.6, 27.0), 6.4, 2.1, 2.5, 15),
            Tree((-3.6, 44.0), 7.0, 2.5, 2.5, 16),
        ),
        (
            Lamp((-0.2, 5.5, 10.0), (26, 19, 10)),
            Lamp((11.2, 5.5, 19.0), (26, 19, 10)),
            Lamp((-0.2, 5.5, 30.0), (26, 19, 10)),
            Lamp((11.2, 5.5, 42.0), (26, 19, 10)),
            Lamp((-5.2, 2.6, 12.2), (3.0, 2.6, 2.0)),
            Lamp((-5.2, 2.6, 17.5), (3.0, 2.6, 2.0)),
            Lamp((-5.2, 2.6, 6.8), (3.0, 2.6, 2.0)),
        ),
        (
            Parked("hatch", 21, (9.55, 20.3), 0.0),
            Parked("suv", 25, (9.55, 26.2), 0.0),
            Parked("sedan", 2, (9.5, 38.5), 0.0),
            Parked("van", 8, (9.5, 46.0), 0.0),
        ),
        (
            Way("walk", ((-2.2, 1.5), (-2.4, 12), (-2.0, 30), (-2.2, 60)), 3.0, ((0.16, 0.25, 25.0),), spread_m=0.9),
            Way("walk", ((-4.6, 7.0), (-2.6, 10), (-1.8, 16), (-3.0, 34)), 1.5, ((0.05, 0.5, 18.0),), spread_m=0.4),
            Way("walk", ((-3.8, 6.0), (-1.0, 13.0), (0.2, 14.0), (11.4, 14.0), (12.4, 26.0)), 2.4, spread_m=0.3, signal=(0.27, 18.5, 23.5)),
            Way("walk", ((12.6, 12.0), (12.4, 24), (12.6, 60)), 0.8, spread_m=0.3),
            Way("drive", ((6.7, -8.0), (6.7, 130.0)), 2.2, both=False, signal=(0.13, 2.0, 15.0)),
            Way("drive", ((3.2, 130.0), (3.2, -10.0)), 2.2, both=False, signal=(0.81, 2.0, 15.0)),
            Way("cycle", ((1.7, 60.0), (1.7, -3.0)), 0.7, both=False, signal=(0.69, 2.0, 16.0)),
            Way("cat", ((-5.2, 8.5), (-3.5, 9.5), (-3.2, 14), (-5.2, 19)), 0.2, ((0.4, 0.6, 6.0),)),
            Way("bird", ((-6, 14), (3, 19), (14, 26)), 0.3),
        ),
        daylight(-155, 47),
        "city",
        {
            "crossing": ((1.0, 12.2), (10.6, 12.2), (10.6, 15.8), (1.0, 15.8)),
            "shop_front": ((-5.4, 7.0), (-2.9, 7.0), (-2.9, 20.0), (-5.4, 20.0)),
        },
        {"kerb": ((0.9, 7.0), (0.9, 22.0))},
    )
