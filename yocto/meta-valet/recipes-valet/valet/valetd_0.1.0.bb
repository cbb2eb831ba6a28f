# The daemon, its client and the compiler of skills, with what systemd, D-Bus and polkit need of them.
#
# Must not build valetd and valet-skillc in one call of cargo: their features would be unified, and the daemon would
# hold a compiler. Must not install skills, models, keys or configuration; each has a recipe of its own.

SUMMARY = "On-device assistant: daemon, client and compiler of skills"
DESCRIPTION = "Understands utterances with quantized models on the board's own processor and acts through sandboxed \
skills, over D-Bus and for voice pipelines."

require valet.inc

SRC_URI += "file://run-ptest"

inherit cargo cargo-update-recipe-crates features_check ptest systemd useradd

# Wants a system bus that systemd starts it for.
REQUIRED_DISTRO_FEATURES = "systemd"
COMPATIBLE_HOST = "(aarch64|arm|x86_64).*-linux"

CVE_PRODUCT = "valetd"

# What skills may reach besides the vehicle (docs/operators.md says what each still has to be granted), and polkit.
PACKAGECONFIG ??= "http mqtt dbus-peers ${@bb.utils.filter('DISTRO_FEATURES', 'polkit', d)}"
PACKAGECONFIG[http] = ""
PACKAGECONFIG[mqtt] = ""
PACKAGECONFIG[dbus-peers] = ""
PACKAGECONFIG[polkit] = ",,,,${PN}-polkit"
PACKAGECONFIG[manpages] = ",,valetctl-native"

VALETD_FEATURES = "${@','.join('valetd/' + f for f in bb.utils.filter('PACKAGECONFIG', 'http mqtt dbus-peers', d).split())}"

# The class looks for every Cargo.lock below; the fuzz targets have one of their own that is not ours to fetch.
CARGO_LOCK_SRC_DIR = "${WORKDIR}/lock"
do_update_crates:prepend() {
    install -D -m 0644 "${S}/Cargo.lock" "${CARGO_LOCK_SRC_DIR}/Cargo.lock"
}

do_compile() {
    oe_cargo_build --package valetd --package valetctl --no-default-features --features "${VALETD_FEATURES}"
    oe_cargo_build --package valet-skillc
}

do_install() {
    for program in valetd valetctl valet-skillc; do
        install -D -m 0755 "${B}/target/${CARGO_TARGET_SUBDIR}/$program" "${D}${bindir}/$program"
    done

    # The tree of systemd/README.md; scripts/yocto-check compares the two.
    install -d "${D}${datadir}/dbus-1/system.d" "${D}${datadir}/dbus-1/system-services" "${D}${datadir}/dbus-1/services"
    install -m 0644 "${S}/systemd/dbus/org.valetd.Assistant1.conf" "${D}${datadir}/dbus-1/system.d/"
    install -m 0644 "${S}/systemd/dbus/system-services/"* "${D}${datadir}/dbus-1/system-services/"
    install -m 0644 "${S}/systemd/dbus/services/"* "${D}${datadir}/dbus-1/services/"
    install -d "${D}${systemd_system_unitdir}" "${D}${systemd_user_unitdir}"
    install -m 0644 "${S}/systemd/system/"* "${D}${systemd_system_unitdir}/"
    install -m 0644 "${S}/systemd/user/"* "${D}${systemd_user_unitdir}/"
    install -d "${D}${nonarch_libdir}/sysusers.d" "${D}${nonarch_libdir}/tmpfiles.d" "${D}${nonarch_libdir}/systemd/catalog"
    install -m 0644 "${S}/systemd/sysusers.d/valetd.conf" "${D}${nonarch_libdir}/sysusers.d/"
    install -m 0644 "${S}/systemd/tmpfiles.d/valetd.conf" "${D}${nonarch_libdir}/tmpfiles.d/"
    install -m 0644 "${S}/systemd/catalog/valetd.catalog" "${D}${nonarch_libdir}/systemd/catalog/"
    install -d "${D}${docdir}/valetd/examples"
    install -m 0644 "${S}/systemd/examples/"*.conf "${D}${docdir}/valetd/examples/"
    if ${@bb.utils.contains('PACKAGECONFIG', 'polkit', 'true', 'false', d)}; then
        install -d "${D}${datadir}/polkit-1/actions"
        install -m 0644 "${S}/systemd/polkit-1/actions/"* "${D}${datadir}/polkit-1/actions/"
    fi

    # What tmpfiles.d makes at boot, for a root file system that is read-only.
    install -d "${D}${sysconfdir}/valetd/valetd.toml.d" "${D}${sysconfdir}/valetd/policy" "${D}${sysconfdir}/valetd/trust.d"

    if ${@bb.utils.contains('PACKAGECONFIG', 'manpages', 'true', 'false', d)}; then
        install -d "${D}${mandir}/man1"
        valetctl man "${D}${mandir}/man1"
    fi
}

# Without valet-skillc a board is sealed: it runs skills that carry code (docs/yocto.md).
PACKAGE_BEFORE_PN = "valetctl valet-skillc ${PN}-session ${PN}-polkit"

SUMMARY:valetctl = "Command-line client of the assistant, and tool for packages of skills"
SUMMARY:valet-skillc = "Compiler of skills, without rights of its own"
SUMMARY:${PN}-session = "The assistant for one user, on the session bus"
SUMMARY:${PN}-polkit = "Rights of skills that polkit may give"

FILES:${PN} += "\
    ${datadir}/dbus-1/system-services \
    ${datadir}/dbus-1/system.d \
    ${systemd_system_unitdir}/*.socket \
    ${nonarch_libdir}/systemd/catalog \
    ${nonarch_libdir}/sysusers.d \
    ${nonarch_libdir}/tmpfiles.d \
"
FILES:valetctl = "${bindir}/valetctl"
FILES:valet-skillc = "${bindir}/valet-skillc"
FILES:${PN}-session = "${datadir}/dbus-1/services ${systemd_user_unitdir}"
FILES:${PN}-polkit = "${datadir}/polkit-1"

RDEPENDS:${PN} = "dbus"
RDEPENDS:${PN}-session = "dbus ${PN}"
RDEPENDS:${PN}-polkit = "${@bb.utils.filter('PACKAGECONFIG', 'polkit', d)}"
RDEPENDS:${PN}-ptest += "${VALET_COMPILER} valetctl"
RRECOMMENDS:${PN}-ptest += "packagegroup-valet"

SYSTEMD_SERVICE:${PN} = "valetd.service"

# The same user and group as in sysusers.d, made with the image and so known on a read-only one.
USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system valetd-audit; --system valetd-voice"
USERADD_PARAM:${PN} = "--system --user-group --no-create-home --home-dir ${localstatedir}/lib/valetd --shell ${base_sbindir}/nologin valetd"
