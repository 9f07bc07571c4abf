"""The steps of the chain by name. A plug-in adds one by an entry point of the group `panops.verifiers`."""

from __future__ import annotations

from panops.config.verify_schema import VERIFIER_GROUP
from panops.domain.registry import Entry, Registry

# In the order in which they are asked: `displacement` uses what `background` measured. What costs an inference comes last of all.
STEPS = ("persistence", "background", "displacement", "size", "light", "static_memory", "time_prior", "feedback", "second_look")

# What is loaded is called with the step's settings and the camera's `Surroundings`, and gives a `panops.verify.step.Step`.
VERIFIERS = Registry(
    "verifier",
    VERIFIER_GROUP,
    {
        "persistence": Entry("panops.verify.persistence:Persistence"),
        "background": Entry("panops.verify.background:Background"),
        "displacement": Entry("panops.verify.displacement:Displacement"),
        "size": Entry("panops.verify.size:Size"),
        "light": Entry("panops.verify.light:LightStep"),
        "static_memory": Entry("panops.verify.static_memory:StaticMemory"),
        "time_prior": Entry("panops.verify.time_prior:TimePrior"),
        "feedback": Entry("panops.verify.feedback:Feedback"),
        "second_look": Entry("panops.verify.second_look:SecondLook"),
    },
)
