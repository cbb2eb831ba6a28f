# Whose skills are taken: key files, and the signed list of what is revoked.
#
# As shipped it holds no key. An integrator appends to it, in a layer of their own (docs/yocto.md):
#
#     FILESEXTRAPATHS:prepend := "${THISDIR}/files:"
#     SRC_URI += "file://release.toml;subdir=trust.d"
#
# The same files verify packages while an image is built and lie on the device. Must not hold a secret key, ever.

SUMMARY = "Keys whose skills are taken"
DESCRIPTION = "Public keys with the ids that they may sign and the highest class that they may claim, and the list of \
what is revoked."
SECTION = "multimedia"
LICENSE = "Apache-2.0 | MIT"
LIC_FILES_CHKSUM = "\
    file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10 \
    file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302 \
"

SRC_URI = ""

inherit allarch

INHIBIT_DEFAULT_DEPS = "1"
CVE_PRODUCT = "valetd"

VALET_SOURCES = "${@d.getVar('UNPACKDIR') or d.getVar('WORKDIR')}"
S = "${VALET_SOURCES}"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d "${D}${datadir}/valetd/trust.d"
    for file in "${VALET_SOURCES}/trust.d/"*; do
        case $file in
        *.toml | */revoked.toml.minisig) ;;
        */'*') continue ;;
        *) bbfatal "$file is no key file (*.toml) and no list of what is revoked: take it out of SRC_URI. A secret key stays with who signs" ;;
        esac
        install -m 0644 "$file" "${D}${datadir}/valetd/trust.d/"
    done
}

FILES:${PN} = "${datadir}/valetd/trust.d"
# Without keys there is nothing in it, and nothing is taken.
ALLOW_EMPTY:${PN} = "1"

BBCLASSEXTEND = "native"
