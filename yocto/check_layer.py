"""Holds the layer against the tree that it is part of: versions, files, what is installed, skills, models, releases.

    python3 yocto/check_layer.py

Prints every difference with what to do about it; exit code 1 where there is one. Runs the recipe's own `do_install` into a
folder of its own, so that what is compared is what is installed. Must not need BitBake, a network or anything but Python
3.11 and sh; whether BitBake can read the layer is found out at releases (README.md of the layer).
"""

import fnmatch
import hashlib
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYER = ROOT / "yocto/meta-valet"
RECIPES = LAYER / "recipes-valet"
PROGRAMS = ["valetd", "valetctl", "valet-skillc"]

# BitBake's names of places, on a system whose /lib is /usr/lib.
PLACES = {
    "base_sbindir": "/usr/sbin",
    "bindir": "/usr/bin",
    "datadir": "/usr/share",
    "docdir": "/usr/share/doc",
    "localstatedir": "/var",
    "mandir": "/usr/share/man",
    "nonarch_libdir": "/usr/lib",
    "sysconfdir": "/etc",
    "systemd_system_unitdir": "/usr/lib/systemd/system",
    "systemd_user_unitdir": "/usr/lib/systemd/user",
}
# What BitBake puts into these packages by itself, as far as it concerns us.
BY_DEFAULT = {"valetd": ["/usr/bin/*", "/etc"], "valetd-doc": ["/usr/share/doc", "/usr/share/man"]}
# Licences by the words with which a manifest names them.
LICENCES = {"CC BY 4.0": "CC-BY-4.0", "ODbL": "ODbL-1.0"}

wrong = []


def expect(found, wanted, what, then):
    """Notes a difference, and what to do about it."""
    if found != wanted:
        wrong.append(f"{what}: found {found!r}, expected {wanted!r}: {then}")


def toml(path):
    return tomllib.loads((ROOT / path).read_text())


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def name_of(path):
    return str(path.relative_to(ROOT))


class Recipe:
    """A recipe as far as it is plain: assignments, with BitBake's names of places put in."""

    def __init__(self, path):
        self.path = path
        self.text = path.read_text()
        self.name, _, version = path.stem.partition("_")
        self.version = version or None
        self.values = {}
        joined = re.sub(r"\\\n", " ", self.text)
        for name, how, value in re.findall(r'^([A-Z_]\S*?) *(=|\?=|\+=|:=|\?\?=) *"([^"]*)"', joined, re.M):
            name = self.expand(name)
            before = self.values.get(name, "") if how == "+=" else ""
            self.values[name] = f"{before} {self.expand(value)}".strip()

    def expand(self, text):
        for name, value in {**PLACES, "PN": self.name, "PV": self.version or ""}.items():
            text = text.replace(f"${{{name}}}", value)
        return text

    def words(self, name):
        return self.values.get(name, "").split()

    def function(self, name):
        return self.expand(re.search(rf"^{name}\(\) {{\n(.*?)^}}$", self.text, re.M | re.S)[1])


def recipes(folder):
    return [Recipe(path) for path in sorted((RECIPES / folder).glob("*.bb"))]


def check_versions(daemon):
    package = toml("Cargo.toml")["workspace"]["package"]
    shared = Recipe(RECIPES / "valet/valet.inc")
    for recipe in recipes("valet"):
        expect(recipe.version, package["version"], f"version of {recipe.name}", "rename the recipe")
    expect(shared.values["VALET_RUST"], package["rust-version"], "VALET_RUST in valet.inc", "write what Cargo.toml takes")
    for file, found in re.findall(r"file://(\S+);md5=(\w+)", shared.text):
        wanted = hashlib.md5((ROOT / file).read_bytes()).hexdigest()
        expect(found, wanted, f"sum of {file} in valet.inc", "read what changed in the licence, then write the sum")
    features = set(toml("daemon/valetd/Cargo.toml")["features"]["default"]) - {"valet-devices/default"}
    offered = {flag for flag in re.findall(r"^PACKAGECONFIG\[([^]]+)\]", daemon.text, re.M)} - {"polkit", "manpages"}
    expect(sorted(offered), sorted(features), "PACKAGECONFIG of valetd", "offer the default features of daemon/valetd")


def check_local_files():
    """Every file:// of a recipe is there; those of a release and of common licences are not ours."""
    for path in [*LAYER.rglob("*.bb"), *LAYER.rglob("*.inc")]:
        recipe = Recipe(path)
        beside = [path.parent / folder for folder in (recipe.name, f"{recipe.name}-{recipe.version}", "files")]
        for file in re.findall(r"file://([^\s;\"]+)", " ".join(recipe.words("SRC_URI"))):
            if not any((folder / file).exists() for folder in beside):
                wrong.append(f"{name_of(path)}: there is no {file} beside it: add it, or take it out of SRC_URI")


def installed_by(daemon):
    """The paths that `do_install` makes, files and the empty folders."""
    with tempfile.TemporaryDirectory() as there:
        built, image = Path(there) / "build", Path(there) / "image"
        for program in PROGRAMS:
            file = built / "target/release" / program
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        script = daemon.function("do_install")
        script = re.sub(r"\$\{@bb\.utils\.contains\('PACKAGECONFIG', '(\w+)', 'true', 'false', d\)\}",
                        lambda flag: "false" if flag[1] == "manpages" else "true", script)
        for name, value in {"S": ROOT, "B": built, "D": image, "CARGO_TARGET_SUBDIR": "release"}.items():
            script = script.replace(f"${{{name}}}", str(value))
        if left := re.findall(r"\$\{[^}]*\}", script):
            wrong.append(f"do_install of valetd names {left}, which this check does not know: add it to PLACES")
            return {}
        ran = subprocess.run(["sh", "-euc", script], capture_output=True, text=True)
        if ran.returncode != 0:
            wrong.append(f"do_install of valetd fails: {ran.stderr.strip()}: follow what moved below systemd/")
            return {}
        paths = [path for path in image.rglob("*") if path.is_file() or not any(path.iterdir())]
        return {f"/{path.relative_to(image)}": sha256(path) if path.is_file() else None for path in paths}


def wanted_tree():
    """What the table of systemd/README.md says, and the programs and folders beside it."""
    tree = {f"/usr/bin/{program}": hashlib.sha256().hexdigest() for program in PROGRAMS}
    rows = re.findall(r"^\| `([^`]+)` \| `(/[^`]+)`", (ROOT / "systemd/README.md").read_text(), re.M)
    for pattern, folder in rows:
        for file in (ROOT / "systemd").glob(pattern):
            tree[folder + file.name] = sha256(file)
    listed = {name_of(file) for pattern, _ in rows for file in (ROOT / "systemd").glob(pattern)}
    for file in (ROOT / "systemd").rglob("*"):
        # Scripts of Debian's packages; bitbake's classes write their own.
        if file.parent.name == "debian" or not file.is_file() or file.suffix == ".md":
            continue
        if name_of(file) not in listed:
            wrong.append(f"{name_of(file)} is in no row of systemd/README.md: say where it is installed")
    # Folders for the integrator, which tmpfiles.d makes at boot and a read-only image needs before.
    made = re.findall(r"^d (/etc/valetd/\S+)", (ROOT / "systemd/tmpfiles.d/valetd.conf").read_text(), re.M)
    return tree | {folder: None for folder in made}


def check_tree(daemon):
    found, wanted = installed_by(daemon), wanted_tree()
    for path in sorted(found.keys() | wanted.keys()):
        if path not in found:
            wrong.append(f"valetd does not install {path}, which systemd/README.md or tmpfiles.d names: add it to do_install")
        elif path not in wanted:
            wrong.append(f"valetd installs {path}, which systemd/README.md does not name: add a row, or leave it out")
        elif found[path] != wanted[path]:
            wrong.append(f"valetd installs another {path} than systemd/README.md names: compare do_install with the table")
    check_packages(daemon, found)
    for unit in daemon.words("SYSTEMD_SERVICE:valetd"):
        if f"{PLACES['systemd_system_unitdir']}/{unit}" not in found:
            wrong.append(f"SYSTEMD_SERVICE names {unit}, which is not installed: correct the name")


def check_packages(daemon, found):
    """Every installed path is in a package, and every pattern of FILES has something to hold."""
    packages = [*daemon.words("PACKAGE_BEFORE_PN"), "valetd-doc", "valetd"]
    patterns = {package: BY_DEFAULT.get(package, []) + daemon.words(f"FILES:{package}") for package in packages}
    # The class puts the unit there.
    patterns["valetd"].append(PLACES["systemd_system_unitdir"])

    def holds(pattern, path):
        return fnmatch.fnmatch(path, pattern) or path.startswith(pattern + "/")

    for path in found:
        if not any(holds(pattern, path) for every in patterns.values() for pattern in every):
            wrong.append(f"{path} is in no package: name it in FILES of valetd_{daemon.version}.bb")
    for package in packages:
        for pattern in daemon.words(f"FILES:{package}"):
            if found and not any(holds(pattern, path) for path in found):
                wrong.append(f"FILES:{package} names {pattern}, where nothing is installed: take it out")


def check_skills():
    there = {recipe.values["VALET_SKILL_ID"]: recipe for recipe in recipes("skills")}
    manifests = [*ROOT.glob("skills/*/skill.toml"), *ROOT.glob("skills/extra/*/skill.toml")]
    shipped = {}
    for path in manifests:
        skill = tomllib.loads(path.read_text())["skill"]
        shipped[skill["id"]] = skill
    expect(sorted(there), sorted(shipped), "skills with a recipe", "add or remove recipes-valet/skills/valet-skill-….bb")
    for skill, recipe in there.items():
        if manifest := shipped.get(skill):
            expect(recipe.version, manifest["version"], f"version of {recipe.name}", "rename the recipe")
            data = [LICENCES[words] for words in LICENCES if any(words in line for line in manifest.get("attribution", []))]
            code = manifest["license"].replace(" OR ", " | ")
            wanted = " & ".join([f"({code})" if data else code, *data])
            expect(recipe.values["LICENSE"], wanted, f"LICENSE of {recipe.name}", "write what skill.toml says")


def check_models():
    there = {recipe.values["VALET_MODEL_ID"]: recipe for recipe in recipes("models")}
    shipped = {path.stem: path for path in ROOT.glob("models/*.toml")}
    expect(sorted(there), sorted(shipped), "models with a recipe", "add or remove recipes-valet/models/valet-model-….bb")
    sums = dict(re.findall(r'^SRC_URI\[(.+)\.sha256sum\] = "(\w+)"$', (LAYER / "conf/include/valet-release.inc").read_text(), re.M))
    wanted = {}
    for model, path in shipped.items():
        manifest = tomllib.loads(path.read_text())
        wanted[f"{model}.toml"] = sha256(path)
        for file in manifest["file"]:
            if file["role"] != "graph-f32":
                wanted[f"{model}.{file['name']}"] = file["sha256"]
        if recipe := there.get(model):
            expect(recipe.version, manifest["source"]["version"], f"version of {recipe.name}", "rename the recipe")
            expect(recipe.values["LICENSE"], manifest["licence"], f"LICENSE of {recipe.name}", "write what the manifest says")
    for name in sorted(sums.keys() | wanted.keys()):
        expect(sums.get(name), wanted.get(name), f"sum of {name} in valet-release.inc", "write what models/ says")


def check_releases():
    """What the layer says it goes with is what there is a build for, and what README.md says was checked."""
    said = Recipe(LAYER / "conf/layer.conf").words("LAYERSERIES_COMPAT_valet")
    builds = [path.stem for path in (ROOT / "yocto/kas").glob("*.yml") if path.stem != "valet"]
    checked = re.findall(r"^\| (\w+) \| parsed", (LAYER / "README.md").read_text(), re.M)
    expect(sorted(builds), sorted(said), "files in yocto/kas", "one for each release of LAYERSERIES_COMPAT")
    expect(sorted(checked), sorted(said), "releases checked in README.md", "name only what was checked as compatible")


def check_group():
    """The group of packages names nothing that no recipe makes."""
    made = {"valet-config", "valet-trust", *PROGRAMS}
    made |= {recipe.name for folder in ("skills", "models") for recipe in recipes(folder)}
    group = Recipe(RECIPES / "packagegroups/packagegroup-valet.bb")
    named = [word for word in group.words("RDEPENDS:packagegroup-valet") if not word.startswith("${VALET_")]
    for package in named + group.words("VALET_MODEL"):
        if package not in made:
            wrong.append(f"packagegroup-valet names {package}, which no recipe makes: correct the name")


def main():
    [daemon] = [recipe for recipe in recipes("valet") if recipe.name == "valetd"]
    check_versions(daemon)
    check_local_files()
    check_tree(daemon)
    check_skills()
    check_models()
    check_releases()
    check_group()
    for line in wrong:
        print(f"check_layer: {line}", file=sys.stderr)
    return 1 if wrong else 0


sys.exit(main())
