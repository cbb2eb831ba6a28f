# The assistant whole, as most images want it.
#
# Must not hold what only some boards can use; those name it beside the group.

SUMMARY = "The assistant with its skills for cars, an encoder, configuration and keys"
DESCRIPTION = "Daemon, client, compiler of skills, configuration, keys, the six skills for cars and the encoder. Where \
VALET_SEALED is 1 there is no compiler."

inherit packagegroup

RDEPENDS:${PN} = "\
    ${VALET_MODEL} \
    valet-config \
    valet-skill-body \
    valet-skill-climate \
    valet-skill-media \
    valet-skill-navigation \
    valet-skill-timers \
    valet-skill-vehicle \
    ${VALET_COMPILER} \
    valet-trust \
    valetctl \
    valetd \
"

# The encoder of the image; another one is a recipe that inherits valet_model.
VALET_MODEL ?= "valet-model-all-minilm-l6-v2"
