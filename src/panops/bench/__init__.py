"""Measures the whole product on this machine: so many cameras, and how many it carries. Commands start it; the product never imports it.

Read the files in this order:

1. what cameras show: `film_shape`, `film_plan`, `film_scene` (of the simulated site), `film_recording` (people's own), `film_encoder`,
   `gate_share`, `film_shelf` (made once and kept)
2. the cameras: `offer`
3. the product: `site`, `product`, `product_api`, `leash` and `leashed` (it ends with whoever started it)
4. one measurement: `measure`, from `scrape` (what the product says) and `processes` (what the kernel says) to a `tally`, its `verdict` and
   its `record`
5. the peer: `peer`, `peer_loop` and `peer_detector`, which alone import what they compare with
6. the limit: `search`, `capacity`, `capacity_page`, `capacity_charts`
"""
