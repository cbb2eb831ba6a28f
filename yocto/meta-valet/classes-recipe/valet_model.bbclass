# A model of the image: its manifest, and the files that the daemon reads.
#
# A recipe sets VALET_MODEL_ID. Must not install the f32 graph, which only tests and benches read, nor a file that is not
# the manifest's byte for byte: the daemon would refuse it.

inherit valet_release

VALET_MODEL_ID ?= ""
VALET_MODEL_FILES = "vocab.txt encoder-int8.onnx"
VALET_RELEASE_FILES = "${@' '.join('%s.%s' % (d.getVar('VALET_MODEL_ID'), f) for f in ['toml'] + d.getVar('VALET_MODEL_FILES').split())}"

SECTION ?= "multimedia"
CVE_PRODUCT ?= "${VALET_MODEL_ID}"

do_compile() {
    from="${VALET_RELEASE_UNPACKED}/${VALET_MODEL_ID}"
    cp "$from.toml" "${B}/${VALET_MODEL_ID}.toml"
    for name in ${VALET_MODEL_FILES}; do
        wanted=$(awk -v name="\"$name\"" '$1 == "name" { of = $3 } $1 == "sha256" && of == name { gsub(/"/, "", $3); print $3 }' "$from.toml")
        [ "$(sha256sum <"$from.$name" | cut -d ' ' -f 1)" = "$wanted" ] ||
            bbfatal "$from.$name is not what its manifest says: make it again with models/fetch, and the release with yocto/release"
        cp "$from.$name" "${B}/$name"
    done
}

do_install() {
    install -d "${D}${datadir}/valetd/models/${VALET_MODEL_ID}"
    install -m 0644 "${B}/"* "${D}${datadir}/valetd/models/${VALET_MODEL_ID}/"
}

FILES:${PN} = "${datadir}/valetd/models/${VALET_MODEL_ID}"

python () {
    if not d.getVar('VALET_MODEL_ID'):
        raise bb.parse.SkipRecipe('VALET_MODEL_ID is empty: set it to the id of the model, such as all-minilm-l6-v2')
}
