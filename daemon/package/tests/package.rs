//! Packages as a whole: packed, signed, read, and refused in every way there is.

use std::fs;
use std::path::Path;

use minisign::KeyPair;
use valet_package::archive::{ArchiveError, Reader, Writer};
use valet_package::carried::{Kind, MAX_CARRIED, MAX_CODE_BYTES, MAX_EMBEDDINGS_BYTES};
use valet_package::code;
use valet_package::packed::{self, Package, PackedManifest};
use valet_package::signature::{PublicKey, Signature};
use valet_package::unpacked::Unpacked;
use valet_package::{PackageError, pack};

const MANIFEST: &str = r#"schema = 1
[skill]
id = "org.example.lamp"
version = "1.0.0"
counter = 1
api = "0.1"
name = { en = "Lamp" }
license = "Apache-2.0"
[intents.set-light]
description = "Set the light"
class = "comfort"
"#;

const SENTENCES: &str = r#"
[intents.set-light]
templates = ["set the light"]
samples = ["could you see to the light"]
"#;

/// An encoder's fingerprint.
fn fingerprint(number: u8) -> String {
    format!("{number:064x}")
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect(name);
    for name in ["sentences", "assets", "embeddings", "code"] {
        fs::create_dir(folder.path().join(name)).expect(name);
    }
    write("skill.toml", MANIFEST.as_bytes());
    write("skill.wasm", &[1; 1500]);
    write("sentences/en.toml", SENTENCES.as_bytes());
    write("assets/names.txt", b"Anna\n");
    write(&Kind::Embeddings.path_of(&fingerprint(7)), b"vectors");
    write(&Kind::Code.path_of(&fingerprint(8)), &code::to_file(&[1; 1500], b"machine code"));
    write("README.md", b"not packed");
    folder
}

fn pack_folder(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    pack::pack(folder, &mut bytes).expect("packed");
    bytes
}

struct Signed {
    bytes: Vec<u8>,
    key: PublicKey,
    pair: KeyPair,
}

fn signed() -> Signed {
    let folder = folder();
    let bytes = pack_folder(folder.path());
    let pair = KeyPair::generate_unencrypted_keypair().expect("keys");
    let key = PublicKey::parse(&pair.pk.to_base64()).expect("a key");
    let bytes = with_signature(&bytes, &pair);
    Signed { bytes, key, pair }
}

fn with_signature(package: &[u8], pair: &KeyPair) -> Vec<u8> {
    let manifest = Package::open(package).expect("a package").manifest;
    let file = minisign::sign(Some(&pair.pk), &pair.sk, &manifest.bytes[..], None, None);
    let file = file.expect("signed").into_string();
    let signature = Signature::adopt(file.as_bytes()).expect("a signature");
    let mut signed = Vec::new();
    pack::add_signature(package, &signature, &mut signed).expect("added");
    signed
}

/// Whether this is a package that the key signed, whole and unchanged.
fn verify(bytes: &[u8], key: &PublicKey) -> Result<PackedManifest, PackageError> {
    let package = Package::open(bytes)?;
    let signature = package.signatures.first().expect("a signature").clone();
    key.verify(&package.manifest.bytes, &signature)
        .map_err(|why| PackageError::Signature { file: "the signature".to_owned(), why })?;
    package.unpack(|_| Ok(std::io::sink()))
}

fn entries(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (mut reader, mut all) = (Reader::new(bytes), Vec::new());
    while let Some(entry) = reader.next_entry().expect("an entry") {
        let content = reader.content(&entry, 1 << 20).expect("its content");
        all.push((entry.name, content));
    }
    all
}

fn of_entries(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (name, content) in entries {
        writer.add(name, content).expect("an entry");
    }
    writer.finish().expect("an end")
}

#[test]
fn a_folder_is_packed_signed_and_read_again() {
    let Signed { bytes, key, .. } = signed();
    let mut unpacked = std::collections::BTreeMap::new();
    let package = Package::open(&bytes[..]).expect("a package");
    assert_eq!(key.verify(&package.manifest.bytes, &package.signatures[0]), Ok(()));
    let paths: Vec<String> = package.manifest.files.iter().map(|file| file.path.clone()).collect();
    let [vectors, code] =
        [Kind::Embeddings.path_of(&fingerprint(7)), Kind::Code.path_of(&fingerprint(8))];
    let expected =
        ["skill.wasm", "assets/names.txt", code.as_str(), vectors.as_str(), "sentences/en.toml"];
    assert_eq!(paths, expected);
    let place = tempfile::tempdir().expect("a folder");
    let unpack = package.unpack(|file| {
        let path = place.path().join(file.path.replace('/', "-"));
        unpacked.insert(file.path.clone(), path.clone());
        fs::File::create(path)
    });
    assert_eq!(unpack.expect("unpacked").manifest.id.as_str(), "org.example.lamp");
    assert_eq!(fs::read(&unpacked["skill.wasm"]).expect("there"), [1; 1500]);
    assert_eq!(fs::read(&unpacked["assets/names.txt"]).expect("there"), b"Anna\n");
}

#[test]
fn the_same_folder_gives_the_same_bytes() {
    let (one, other) = (folder(), folder());
    assert_eq!(pack_folder(one.path()), pack_folder(other.path()));
}

#[test]
fn tar_reads_a_package_as_it_is() {
    let Signed { bytes, .. } = signed();
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("lamp.valet"), bytes).expect("written");
    let listed = std::process::Command::new("tar")
        .args(["-tf", "lamp.valet"])
        .current_dir(place.path())
        .output()
        .expect("tar runs");
    assert!(listed.status.success() && listed.stderr.is_empty(), "{listed:?}");
    let listed = String::from_utf8(listed.stdout).expect("names");
    assert!(listed.starts_with("skill.toml\nsignatures/"), "{listed}");
    let [vectors, code] =
        [Kind::Embeddings.path_of(&fingerprint(7)), Kind::Code.path_of(&fingerprint(8))];
    let end = format!("skill.wasm\nassets/names.txt\n{code}\n{vectors}\nsentences/en.toml\n");
    assert!(listed.ends_with(&end), "{listed}");
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let Signed { bytes, key, .. } = signed();
    assert!(verify(&bytes, &key).is_ok());
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(verify(&changed, &key).is_err(), "byte {at}");
    }
}

#[test]
fn cut_at_any_byte_it_is_refused_as_cut() {
    let Signed { bytes, key, .. } = signed();
    for length in 0..bytes.len() {
        let refused = verify(&bytes[..length], &key).expect_err("cut short");
        let cut = matches!(refused, PackageError::Archive(ArchiveError::Truncated { .. }));
        assert!(cut, "{length}: {refused}");
    }
}

#[test]
fn another_order_a_file_twice_missing_or_more_is_refused() {
    let Signed { bytes, key, .. } = signed();
    let all = entries(&bytes);
    let refused = |entries: &[(String, Vec<u8>)]| match verify(&of_entries(entries), &key) {
        Err(PackageError::Order { expected, found }) => (expected, found),
        other => panic!("{other:?}"),
    };
    for place in 1..all.len() - 1 {
        let mut swapped = all.clone();
        swapped.swap(place, place + 1);
        // A signature after the component is none: what is expected then is the component's successor.
        if place > 1 {
            refused(&swapped);
        }
    }
    let mut first = all.clone();
    first.swap(0, 1);
    assert_eq!(refused(&first).0, "skill.toml");
    for place in 2..all.len() {
        let mut twice = all.clone();
        twice.insert(place, all[place].clone());
        refused(&twice);
        let mut missing = all.clone();
        missing.remove(place);
        refused(&missing);
    }
    let mut more = all.clone();
    more.push(("sentences/fr.toml".to_owned(), Vec::new()));
    assert_eq!(refused(&more).0, "the end");
    let mut twice = all.clone();
    twice.insert(1, all[1].clone());
    assert!(refused(&twice).0.contains("once each"));
}

#[test]
fn a_file_that_was_exchanged_is_refused() {
    let Signed { bytes, key, .. } = signed();
    let mut all = entries(&bytes);
    all[2].1[0] = 2;
    let refused = verify(&of_entries(&all), &key);
    assert!(matches!(refused, Err(PackageError::Changed { what: "hash", .. })), "{refused:?}");
    all[2].1.push(2);
    let refused = verify(&of_entries(&all), &key);
    assert!(matches!(refused, Err(PackageError::Changed { what: "length", .. })), "{refused:?}");
}

#[test]
fn a_key_signs_once_and_four_keys_sign_at_most() {
    let Signed { mut bytes, pair, .. } = signed();
    bytes = with_signature(&bytes, &pair);
    assert_eq!(Package::open(&bytes[..]).expect("a package").signatures.len(), 1);
    for count in 2..=4 {
        bytes = with_signature(&bytes, &KeyPair::generate_unencrypted_keypair().expect("keys"));
        let package = Package::open(&bytes[..]).expect("a package");
        assert_eq!(package.signatures.len(), count);
        assert!(package.signatures.is_sorted_by(|a, b| a.id() < b.id()));
    }
    let manifest = Package::open(&bytes[..]).expect("a package").manifest;
    let fifth = KeyPair::generate_unencrypted_keypair().expect("keys");
    let file = minisign::sign(Some(&fifth.pk), &fifth.sk, &manifest.bytes[..], None, None);
    let signature = Signature::adopt(file.expect("signed").into_string().as_bytes());
    let refused = pack::add_signature(&bytes[..], &signature.expect("one"), std::io::sink());
    assert!(matches!(refused, Err(PackageError::Order { .. })), "{refused:?}");
}

#[test]
fn a_list_that_breaks_a_rule_is_refused() {
    let line = |path: &str, bytes: u64| {
        format!("[[files]]\npath = \"{path}\"\nbytes = {bytes}\nsha256 = \"{}\"\n", "0".repeat(64))
    };
    let parse = |list: &str| PackedManifest::parse(format!("{MANIFEST}\n{list}").into_bytes());
    let component = line("skill.wasm", 10);
    assert!(parse(&component).is_ok());
    let carried = |number: u8| Kind::Embeddings.path_of(&fingerprint(number));
    let four: String = (1..=4).map(|n| line(&carried(n), MAX_EMBEDDINGS_BYTES)).collect();
    assert!(parse(&(component.clone() + &four)).is_ok(), "as many and as large as may be");
    let five = four + &line(&carried(5), 1);
    let code = Kind::Code.path_of(&fingerprint(7));
    for (list, said) in [
        (String::new(), "lists no files"),
        (line("assets/a", 1), "begins with"),
        (component.clone() + &line("skill.wasm", 1), "listed twice"),
        (component.clone() + &line("sentences/en.toml", 1) + &line("assets/a", 1), "comes after"),
        (component.clone() + &line("assets/a", 1) + &line("assets/a", 1), "once each"),
        (component.clone() + &line("../a", 1), "leads out"),
        (component.clone() + &line("/a", 1), "absolute"),
        (component.clone() + &line("skill.toml", 1), "is none of"),
        (component.clone() + &line("assets/a/b", 1), "is none of"),
        (component.clone() + &line("sentences/en.txt", 1), "is none of"),
        (component.clone() + &line("embeddings/mine.bin", 1), "64 digits of 0-9 a-f"),
        (component.clone() + &line(&carried(7).to_uppercase(), 1), "is none of"),
        (component.clone() + &line(&carried(7).replace("07.", "0g."), 1), "is none of"),
        (component.clone() + &line(&carried(7).replace("07.", "7."), 1), "is none of"),
        (component.clone() + &line(&carried(7).replace(".bin", ".bin.bin"), 1), "is none of"),
        (component.clone() + &line(&carried(7).replace('/', "/in/"), 1), "is none of"),
        (component.clone() + &line(&carried(7), MAX_EMBEDDINGS_BYTES + 1), "at most 16777216"),
        (component.clone() + &five, "5 in embeddings/, expected at most 4"),
        (
            component.clone() + &five.replace("embeddings/", "code/"),
            "5 in code/, expected at most 4",
        ),
        (component.clone() + &line(&code, MAX_CODE_BYTES + 1), "at most 67108864"),
        (line("skill.wasm", 1 << 40), "at most"),
        (component.replace(&"0".repeat(64), "0"), "expected 64 digits"),
    ] {
        let refused = parse(&list).expect_err(said).to_string();
        assert!(refused.contains(said), "{said}: {refused}");
    }
    let source = valet_package::Manifest::parse("skill.toml", &format!("{MANIFEST}\n{component}"));
    assert!(source.expect_err("no source has files").to_string().contains("leave it out"));
}

/// Unpacks a package into a folder, as whoever installs it does.
fn unpacked(bytes: &[u8], to: &Path) -> [u8; 32] {
    let package = Package::open(bytes).expect("a package");
    fs::write(to.join("skill.toml"), &package.manifest.bytes).expect("written");
    fs::create_dir(to.join("signatures")).expect("made");
    for signature in &package.signatures {
        let name = packed::signature_name(signature);
        fs::write(to.join(name), signature.text()).expect("written");
    }
    let place = |file: &packed::PackedFile| {
        let path = to.join(&file.path);
        fs::create_dir_all(path.parent().expect("a folder"))?;
        fs::File::create(path)
    };
    package.unpack(place).expect("unpacked").sha256()
}

#[test]
fn what_was_unpacked_is_read_again_and_anything_else_in_its_place_is_refused() {
    let Signed { bytes, key, .. } = signed();
    let folder = tempfile::tempdir().expect("a folder");
    let hash = unpacked(&bytes, folder.path());
    let read = Unpacked::read(folder.path(), &hash).expect("reads");
    key.verify(&read.manifest.bytes, &read.signatures[0]).expect("still signed");
    assert_eq!(read.skill.wasm, [1; 1500]);
    assert_eq!(read.skill.sentences["en"].intents.len(), 1);
    assert_eq!(read.skill.assets["names.txt"].bytes, 5);
    let carried = &read.skill.embeddings[&fingerprint(7)];
    assert_eq!(carried.read(folder.path()).expect("as it was packed"), b"vectors");
    assert_eq!(read.skill.code, None, "that somebody vouches for it, the folder does not say");
    let file = read.code[&fingerprint(8)].read(folder.path()).expect("as it was packed");
    assert_eq!(code::of_file(&file, &read.skill.wasm_sha256), Ok(&b"machine code"[..]));
    let as_it_is = Unpacked::read_as_it_is(folder.path()).expect("reads");
    assert!(Unpacked::lies_in(folder.path()) && as_it_is.manifest.sha256() == hash);
    assert!(matches!(Unpacked::read(folder.path(), &[0; 32]), Err(PackageError::Changed { .. })));
    let [path, code] =
        [Kind::Embeddings.path_of(&fingerprint(7)), Kind::Code.path_of(&fingerprint(8))];
    let texts = ["skill.toml", "skill.wasm", "sentences/en.toml", "assets/names.txt"];
    for file in texts.into_iter().chain([path.as_str(), code.as_str()]) {
        let path = folder.path().join(file);
        let whole = fs::read(&path).expect("reads");
        let mut longer = whole.clone();
        longer.push(b'\n');
        for other in [&longer[..], &whole[1..], b""] {
            fs::write(&path, other).expect("written");
            assert!(Unpacked::read(folder.path(), &hash).is_err(), "{file}");
        }
        fs::remove_file(&path).expect("removed");
        assert!(Unpacked::read(folder.path(), &hash).is_err(), "{file} is missing");
        fs::write(&path, &whole).expect("written");
    }
    let path = Kind::Embeddings.path_of(&fingerprint(7));
    fs::write(folder.path().join(&path), b"vectorS").expect("written");
    let refused = carried.read(folder.path()).expect_err("other vectors");
    assert!(matches!(refused, PackageError::Changed { what: "hash", .. }), "{refused}");
    let mut flipped = fs::read(folder.path().join("skill.wasm")).expect("reads");
    flipped[700] ^= 4;
    fs::write(folder.path().join("skill.wasm"), flipped).expect("written");
    let refused = Unpacked::read(folder.path(), &hash).expect_err("another component");
    assert!(matches!(refused, PackageError::Changed { what: "hash", .. }), "{refused}");
}

#[test]
fn code_of_an_older_component_is_not_packed() {
    let folder = folder();
    fs::write(folder.path().join("skill.wasm"), [2; 1500]).expect("built anew");
    let refused = pack::pack(folder.path(), std::io::sink()).expect_err("refused").to_string();
    assert!(refused.contains("code/") && refused.contains("skill compile"), "{refused}");
}

#[test]
fn embeddings_of_a_folder_have_the_names_of_encoders_and_bounds() {
    let refused = |change: &dyn Fn(&Path)| {
        let folder = folder();
        change(folder.path());
        pack::pack(folder.path(), std::io::sink()).expect_err("refused").to_string()
    };
    let carried = |folder: &Path, n: u8| folder.join(Kind::Embeddings.path_of(&fingerprint(n)));
    let named = refused(&|folder| {
        fs::write(folder.join("embeddings/all-minilm.bin"), b"vectors").expect("written");
    });
    assert!(named.contains("all-minilm.bin") && named.contains("<64 digits of"), "{named}");
    let many = refused(&|folder| {
        (1..=MAX_CARRIED as u8).for_each(|n| fs::write(carried(folder, n), b"").expect("written"));
    });
    assert!(many.contains("more than 4 files"), "{many}");
    let large = refused(&|folder| {
        let file = fs::File::create(carried(folder, 1)).expect("made");
        file.set_len(MAX_EMBEDDINGS_BYTES + 1).expect("grown");
    });
    assert!(large.contains("16777217 bytes, expected at most 16777216"), "{large}");
    let linked = refused(&|folder| {
        std::os::unix::fs::symlink("/etc/passwd", carried(folder, 1)).expect("linked");
    });
    assert!(linked.contains("not a regular file"), "{linked}");
}
