"""The simulated site: a camera whose every frame is known exactly. Demo, tests, benchmarks and training stand on it.

Read in this order:

1. `scene`: `Scene.render` and `Scene.truth` of any frame; `truth`: boxes and the events that rules should find.
2. `source`: the `sim://` camera, with `sim_address` and `encoding`; `recording`: a scene on disk.
3. `script`: who is where when. `figures`: how they look to the camera, with `people`, `cycles`, `animals` (bodies of round cones: `solids`,
   `shading`, `sprite_cache`), `vehicles` (meshes: `meshes`) and `barrier`.
4. `scenery`: the words sites are described in; `sites` and `interiors`: the five of them; `backdrop`: what is shared between scenes of one
   kind: `static_picture` (with `surfaces`), `trees`, and parked vehicles.
5. `weather`: light, rain, noise and faults of the lens. `compositing`: how it all comes together.
6. `camera_model`, `light`, `noise`: the ground all stand on.
"""
