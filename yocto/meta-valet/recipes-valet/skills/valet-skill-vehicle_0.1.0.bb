# the vehicle: the signed package of a release.
#
# Must not name a version that skills/vehicle/skill.toml does not.

SUMMARY = "Skill of the assistant: the vehicle"
DESCRIPTION = "Answers questions about range, charge, tyres and other values of the vehicle."
LICENSE = "Apache-2.0 | MIT"
LIC_FILES_CHKSUM = "\
    file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10 \
    file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302 \
"

inherit valet_skill

VALET_SKILL_ID = "org.valetd.vehicle"
