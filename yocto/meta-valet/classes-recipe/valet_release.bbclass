# Files of a release: where they are fetched from, where they lie then, and a word for whoever has none yet.
#
# Must not look into a file; valet_skill and valet_model do, and believe nothing that they have not verified.

inherit allarch

# Names of files below VALET_RELEASE_URI.
VALET_RELEASE_FILES ?= ""

SRC_URI = "${@' '.join('%s/%s;name=%s' % (d.getVar('VALET_RELEASE_URI'), f, f) for f in d.getVar('VALET_RELEASE_FILES').split())}"
# nooelint: oelint.file.requirenotfound - an integrator says which file it is
require ${VALET_RELEASE_SUMS}

# Scarthgap has no UNPACKDIR.
VALET_SOURCES = "${@d.getVar('UNPACKDIR') or d.getVar('WORKDIR')}"
# A file of this machine keeps its folders when it is unpacked.
VALET_RELEASE_UNPACKED = "${VALET_SOURCES}${@d.getVar('VALET_RELEASE_URI').partition('file://')[2]}"
S = "${VALET_SOURCES}"
B = "${WORKDIR}/build"

# Nothing is compiled for the target.
INHIBIT_DEFAULT_DEPS = "1"
do_configure[noexec] = "1"
do_compile[cleandirs] = "${B}"

# A recipe whose file is missing is skipped with what to do, instead of failing in the fetcher.
python () {
    uri = d.getVar('VALET_RELEASE_URI')
    for name in d.getVar('VALET_RELEASE_FILES').split():
        if uri.startswith('file://'):
            path = os.path.join(uri[len('file://'):], name)
            # So that it is looked for again when it has come.
            bb.parse.mark_dependency(d, path)
            if not os.path.exists(path):
                raise bb.parse.SkipRecipe('%s is missing: make a release with yocto/release, or set VALET_RELEASE_URI '
                                          'to your mirror' % path)
        elif not d.getVarFlag('SRC_URI', '%s.sha256sum' % name):
            raise bb.parse.SkipRecipe('%s has no sum for %s: let VALET_RELEASE_SUMS name the valet-release.inc that '
                                      'yocto/release wrote' % (d.getVar('VALET_RELEASE_SUMS'), name))
}
