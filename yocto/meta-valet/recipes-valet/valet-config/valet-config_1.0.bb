# The configuration of the image, and the place for an integrator's own: settings, policy, drop-ins of the unit.
#
# An integrator appends to it, in a layer of their own (docs/yocto.md); `subdir` says what a file is:
#
#     FILESEXTRAPATHS:prepend := "${THISDIR}/files:"
#     SRC_URI += "file://10-access.toml;subdir=valetd.toml.d file://50-boot.toml;subdir=policy"
#     SRC_URI += "file://network.conf;subdir=valetd.service.d"
#
# A valetd.toml found there first takes the place of the shipped one. Must not hold passwords: an image is read by many.

SUMMARY = "Configuration of the assistant"
DESCRIPTION = "Settings and policy of the image, with which the assistant starts."
SECTION = "multimedia"
LICENSE = "Apache-2.0 | MIT"
LIC_FILES_CHKSUM = "\
    file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10 \
    file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302 \
"

SRC_URI = "file://valetd.toml"

inherit allarch

INHIBIT_DEFAULT_DEPS = "1"
CVE_PRODUCT = "valetd"

VALET_SOURCES = "${@d.getVar('UNPACKDIR') or d.getVar('WORKDIR')}"
S = "${VALET_SOURCES}"

# Whether voice pipelines find the sockets of the Wyoming protocol.
PACKAGECONFIG ??= "voice"
PACKAGECONFIG[voice] = ""

do_configure[noexec] = "1"
do_compile[noexec] = "1"

# install_kind FOLDER ENDING DESTINATION: the files of one kind, if there are any.
install_kind() {
    for file in "${VALET_SOURCES}/$1/"*; do
        case $file in
        *"$2") install -D -m 0644 -t "$3" "$file" ;;
        */'*') ;;
        *) bbfatal "$file is not read there, for its name does not end in $2: rename it, or take it out of SRC_URI" ;;
        esac
    done
}

do_install() {
    install -D -m 0644 "${VALET_SOURCES}/valetd.toml" "${D}${nonarch_libdir}/valetd/valetd.toml"
    install_kind valetd.toml.d .toml "${D}${sysconfdir}/valetd/valetd.toml.d"
    install_kind policy .toml "${D}${datadir}/valetd/policy"
    install_kind valetd.service.d .conf "${D}${sysconfdir}/systemd/system/valetd.service.d"
    if ${@bb.utils.contains('PACKAGECONFIG', 'voice', 'false', 'true', d)}; then
        install -d "${D}${sysconfdir}/valetd/valetd.toml.d"
        printf '# No voice pipeline connects here.\n[wyoming]\nhandle = []\nintent = []\n' \
            >"${D}${sysconfdir}/valetd/valetd.toml.d/00-without-voice.toml"
    fi
}

FILES:${PN} = "${datadir}/valetd/policy ${nonarch_libdir}/valetd ${sysconfdir}"
CONFFILES:${PN} = "${sysconfdir}/valetd"
