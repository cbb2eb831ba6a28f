# The client on the machine that builds: recipes of skills verify packages with it.
#
# Must not build the daemon: a build machine needs none.

SUMMARY = "Tool for packages of skills, for recipes"
DESCRIPTION = "Verifies and repacks signed skills while an image is built."

require valet.inc

inherit cargo native

CVE_PRODUCT = "valetd"

do_compile() {
    oe_cargo_build --package valetctl
}

do_install() {
    install -D -m 0755 "${B}/target/${CARGO_TARGET_SUBDIR}/valetctl" "${D}${bindir}/valetctl"
}
