# A skill of the image: a signed package becomes the folder that the daemon reads.
#
# A recipe sets VALET_SKILL_ID; its PV is the skill's version. Must not build a component (OE-Core has no wasm target,
# and signing keys stay out of builds), and must not install anything that no key of valet-trust vouches for.

inherit valet_release

VALET_SKILL_ID ?= ""
VALET_SKILL_PACKAGE = "${VALET_SKILL_ID}-${PV}.valet"
VALET_RELEASE_FILES = "${VALET_SKILL_PACKAGE}"

SECTION ?= "multimedia"
CVE_PRODUCT ?= "${VALET_SKILL_ID}"

DEPENDS += "valet-trust-native valetctl-native"

do_compile() {
    package="${VALET_RELEASE_UNPACKED}/${VALET_SKILL_PACKAGE}"

    # Key files count only where nobody else may write to them, so not as the sysroot happens to hold them.
    install -d -m 0755 "${B}/trust"
    for key in "${STAGING_DATADIR_NATIVE}/valetd/trust.d/"*; do
        [ ! -f "$key" ] || install -m 0644 "$key" "${B}/trust/"
    done
    valetctl skill verify "$package" --trust "${B}/trust" ||
        bbfatal "$package is not trusted, see above: put the key file of who signed it into valet-trust (docs/yocto.md)"

    valetctl --json skill inspect "$package" >"${B}/inspected"
    grep -q '"id": "${VALET_SKILL_ID}"' "${B}/inspected" && grep -q '"version": "${PV}"' "${B}/inspected" ||
        bbfatal "$package is another skill or version than ${VALET_SKILL_ID} ${PV}: name the recipe as the package is"

    [ "${VALET_SEALED}" != "1" ] || grep -q '"code/' "${B}/inspected" ||
        bbfatal "$package carries no code, and the image is sealed: make it with yocto/release --target, as docs/yocto.md says"

    # With its signatures and the list of its files: the daemon holds component and sentences against that, and asks the
    # keys whether its code counts.
    install -d "${B}/skill"
    tar -x --no-same-owner -f "$package" -C "${B}/skill"
}

do_install() {
    cd "${B}/skill"
    find . -type f | while read -r file; do
        install -D -m 0644 "$file" "${D}${datadir}/valetd/skills/${VALET_SKILL_ID}/$file"
    done
}

FILES:${PN} = "${datadir}/valetd/skills/${VALET_SKILL_ID}"

python () {
    if not d.getVar('VALET_SKILL_ID'):
        raise bb.parse.SkipRecipe('VALET_SKILL_ID is empty: set it to the id of the skill, such as org.example.lamp')
}
