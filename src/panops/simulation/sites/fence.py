"""The fence: a perimeter with a patrol path and a hole in the wire, before a wood."""

from __future__ import annotations

from panops.simulation.light import linear
from panops.simulation.scenery import Block, Lamp, Site, SiteBuilder, Tree, Way
from panops.simulation.sites.daylight import daylight


def fence() -> Site:
    """A perimeter: grass, a patrol path and a wire fence with a hole in it before a wood."""
    build = SiteBuilder()
    build.floor((-90, -2), (90, 160), "grass", rgb=linear(96, 114, 58))
    along = (-0.33, 0.944)

    def beside(distance: float, off: float) -> tuple[float, float]:
        """The ground point `distance` m along the fence, `off` m inside it."""
        return 7.2 + along[0] * distance - along[1] * off, 3.2 + along[1] * distance + along[0] * off

    build.strip(beside(-6, 3.2), beside(70, 3.2), 2.4, "gravel")
    build.strip(beside(-6, 0.0), beside(70, 0.0), 0.9, "gravel", rgb=linear(116, 106, 92))
    step = 3.0
    for number in range(-2, 22):
        first, second = beside(number * step, 0), beside((number + 1) * step, 0)
        if number != 3:
            build.wall(first, second, 0.05, 2.4, "mesh", spacing=0.10)
            for height in (2.5, 2.65):
                build.wall(first, second, height, height + 0.012, "mesh", spacing=0.02)
        build.block(Block(first, 0.09, 2.75, 0.09), "painted", "painted", rgb=linear(134, 140, 138))
    build.block(Block((-11.5, 22.0), 6.0, 3.2, 5.0, 0.2), "plaster", rgb=linear(188, 186, 178))
    build.block(Block((-11.5, 22.0), 6.5, 0.18, 5.5, 0.2, 3.2), "painted", "painted", rgb=linear(96, 70, 60))
    build.wall((-12.6, 19.68), (-11.5, 19.46), 0.0, 2.1, "painted", rgb=linear(70, 84, 98))
    build.wall((-10.8, 19.31), (-9.6, 19.07), 1.0, 2.0, "window", lit=True, size=(1.2, 1.0), shade=1)
    build.block(Block(beside(7.0, -1.5), 0.5, 0.7, 0.06, 0.35, 1.2), "painted", "painted", rgb=linear(226, 200, 60))
    build.block(Block((-5.2, 12.2), 0.8, 1.0, 0.5), "painted", "painted", rgb=linear(120, 130, 124))
    return Site(
        "fence",
        4.5,
        15.0,
        64.0,
        tuple(build.surfaces),
        tuple(build.blocks),
        (
            Tree((13.0, 22.0), 8.6, 3.0, 1.2, 31, linear(68, 88, 46)),
            Tree((18.0, 30.0), 10.5, 3.8, 1.4, 32),
            Tree((8.0, 33.0), 9.4, 3.3, 1.2, 33, linear(84, 104, 54)),
            Tree((2.0, 44.0), 10.0, 3.8, 1.4, 34),
            Tree((-14.0, 46.0), 11.0, 4.2, 1.4, 35),
            Tree((10.8, 15.5), 2.2, 1.3, 0.2, 36, linear(76, 94, 50)),
            Tree((9.6, 20.5), 2.0, 1.2, 0.15, 37, linear(70, 90, 46)),
            Tree((14.2, 17.5), 2.8, 1.7, 0.2, 38, linear(66, 84, 44)),
            Tree((5.8, 27.0), 2.1, 1.4, 0.15, 39, linear(76, 94, 50)),
            Tree((-22.0, 40.0), 10.0, 4.0, 1.4, 40),
        ),
        (Lamp((-10.0, 3.0, 19.0), (5, 4.2, 3.0)),),
        (),
        (
            Way("walk", (beside(-5, 3.2), beside(8, 3.2), beside(30, 3.1), beside(48, 3.2)), 2.6, ((0.2, 0.3, 30.0),), spread_m=0.6),
            Way(
                "walk",
                (beside(26, -6.5), beside(12, -2.0), beside(10.5, 0.0), beside(10.0, 3.0), (-4.0, 10.5), (-13.0, 9.0)),
                2.2,
                ((0.42, 0.6, 20.0),),
                spread_m=0.15,
            ),
            Way("walk", (beside(-3, -2.2), beside(12, -2.4), beside(36, -2.6)), 1.6, ((0.25, 0.3, 40.0),), spread_m=0.5),
            Way("walk", ((-12.0, 8.4), (-4, 9.4), beside(6, 3.4), beside(-5, 3.2)), 1.2),
            Way("drive", (beside(-8, 3.2), beside(60, 3.2)), 0.5),
            Way("cat", ((-11, 8.0), (-2, 8.6), beside(4.5, 0.9), beside(12, 0.8)), 0.6, ((0.5, 0.6, 10.0),)),
            Way("bird", ((-14, 14), (-1, 12), (12, 18)), 0.5),
            Way("bird", (beside(10, 1.6), beside(16, 1.2)), 0.3),
        ),
        daylight(-100, 34, 1.1),
        "forest",
        {
            "sterile": (beside(2.0, 0.2), beside(30, 0.2), beside(30, 4.6), beside(2.0, 4.6)),
            "meadow": ((-8.0, 7.6), (2.0, 7.6), (2.0, 13.0), (-8.0, 13.0)),
        },
        {"fence_line": (beside(0.0, 0.0), beside(30.0, 0.0))},
        infrared=True,
    )
