# Navigation: the signed package of a release, with its index of places.
#
# Must not name a version that skills/navigation/skill.toml does not, nor leave out the licences of the index's data.

SUMMARY = "Skill of the assistant: navigation"
DESCRIPTION = "Finds places in an index on the device and sets the destination. The index is of GeoNames (CC BY 4.0) and \
OpenStreetMap contributors (ODbL); answers name both."
LICENSE = "(Apache-2.0 | MIT) & CC-BY-4.0 & ODbL-1.0"
LIC_FILES_CHKSUM = "\
    file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10 \
    file://${COMMON_LICENSE_DIR}/CC-BY-4.0;md5=9b33bbd06fb58995fb0e299cd38d1838 \
    file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302 \
    file://${COMMON_LICENSE_DIR}/ODbL-1.0;md5=498d26a501c10739d57fca1c9d80bbc2 \
"

inherit valet_skill

VALET_SKILL_ID = "org.valetd.navigation"
