//! Verdicts on the packed form of the real encoder: what is opened from it gives the vectors of the model's own
//! files, on every kind of kernels, and whatever lies in the cache.
//!
//! Must read the real files in `models/cache/`, and fail where they are missing.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use valet_core::encoder::{Encoder as _, Encoding};
use valet_inference::{
    EncoderOptions, FileRole, InferenceError, Kernels, ModelManifest, Packing, SentenceEncoder,
    hex_sha256,
};

const TEXTS: [&str; 4] = [
    "open the window on the passenger's side a little",
    "",
    "wärmer!",
    "is it going to rain in Helsinki tomorrow, and do I need chains",
];

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

fn manifest() -> ModelManifest {
    ModelManifest::read(&models().join("all-minilm-l6-v2.toml")).expect("the manifest reads")
}

fn files() -> PathBuf {
    let files = models().join("cache/all-minilm-l6-v2");
    assert!(files.join("vocab.txt").is_file(), "{} is missing: run models/fetch", files.display());
    files
}

fn open(cache: &Path, kernels: Kernels) -> SentenceEncoder {
    let options = EncoderOptions { cache: Some(cache), kernels, ..EncoderOptions::default() };
    SentenceEncoder::open(&manifest(), &files(), &options).expect("opens")
}

fn encodings(encoder: &mut SentenceEncoder) -> Vec<Encoding> {
    TEXTS.iter().map(|text| encoder.encode(text).expect("encodes")).collect()
}

fn packed_file(cache: &Path) -> PathBuf {
    let files: Vec<PathBuf> =
        fs::read_dir(cache).expect("lists").map(|entry| entry.expect("an entry").path()).collect();
    let [file] = files.as_slice() else { panic!("{files:?} where one file is expected") };
    file.clone()
}

#[test]
fn what_is_mapped_gives_the_vectors_of_what_was_packed() {
    let cache = tempfile::tempdir().expect("a folder");
    let mut first = open(cache.path(), Kernels::best());
    assert_eq!(*first.packing(), Packing::Packed);
    let mut second = open(cache.path(), Kernels::best());
    assert_eq!(*second.packing(), Packing::Cached);
    assert_eq!(encodings(&mut first), encodings(&mut second));
    assert!(second.mapped_bytes() < 24_000_000, "{}", second.mapped_bytes());
    assert!(second.memory_bytes() < 8 << 20, "{}", second.memory_bytes());
}

#[test]
fn all_kernels_give_the_same_vectors_to_the_last_bit() {
    let cache = tempfile::tempdir().expect("a folder");
    let expected = encodings(&mut open(cache.path(), Kernels::best()));
    for kernels in Kernels::all() {
        assert_eq!(encodings(&mut open(cache.path(), kernels)), expected, "{kernels:?}");
    }
}

#[test]
fn two_threads_give_the_vectors_of_one() {
    let cache = tempfile::tempdir().expect("a folder");
    let expected = encodings(&mut open(cache.path(), Kernels::best()));
    let options =
        EncoderOptions { cache: Some(cache.path()), threads: 2, ..EncoderOptions::default() };
    let mut two = SentenceEncoder::open(&manifest(), &files(), &options).expect("opens");
    assert_eq!(encodings(&mut two), expected);
}

#[test]
fn texts_together_are_as_each_by_itself() {
    let cache = tempfile::tempdir().expect("a folder");
    let mut encoder = open(cache.path(), Kernels::best());
    let many: Vec<&str> = TEXTS.iter().cycle().take(60).copied().collect();
    let alone = encodings(&mut encoder);
    let together = encoder.encode_all(&many).expect("encodes");
    assert_eq!(together.len(), many.len());
    for (number, encoding) in together.iter().enumerate() {
        assert_eq!(*encoding, alone[number % TEXTS.len()], "{:?}", many[number]);
    }
    assert_eq!(encoder.encode_all(&[]).expect("nothing to do"), []);
}

/// What the system holds in memory of the mapping of a file, KiB.
fn resident(file: &Path) -> usize {
    let maps = fs::read_to_string("/proc/self/smaps").expect("read");
    let file = file.canonicalize().expect("there");
    let (_, own) = maps.split_once(&*file.to_string_lossy()).expect("mapped");
    let rss = own.lines().find_map(|line| line.strip_prefix("Rss:")).expect("counted");
    rss.trim_end_matches("kB").trim().parse().expect("a number")
}

#[test]
fn at_rest_it_keeps_no_page_of_the_file_and_says_the_same_afterwards() {
    let cache = tempfile::tempdir().expect("a folder");
    let mut encoder = open(cache.path(), Kernels::best());
    let before = encodings(&mut encoder);
    let file = packed_file(cache.path());
    let mapped = resident(&file);
    encoder.rest();
    // Some emulators count nothing.
    if mapped > 0 {
        assert!(mapped > 4096, "{mapped} KiB");
        assert!(resident(&file) < 256, "{} KiB", resident(&file));
    }
    assert_eq!(encodings(&mut encoder), before);
}

#[test]
fn a_damaged_file_is_packed_again_to_the_same_vectors() {
    let cache = tempfile::tempdir().expect("a folder");
    let expected = encodings(&mut open(cache.path(), Kernels::best()));
    let path = packed_file(cache.path());
    let length = path.metadata().expect("is there").len();
    for at in [0, 20, 100, 4096, length / 3, length / 2, length - 1] {
        let file = File::options().write(true).open(&path).expect("opens");
        file.write_at(&[0xa5, 0x5a], at).expect("writes");
        let mut encoder = open(cache.path(), Kernels::best());
        assert_eq!(*encoder.packing(), Packing::Packed, "changed at {at}");
        assert_eq!(encodings(&mut encoder), expected, "changed at {at}");
    }
    for kept in [0, 1, 4095, 4096, length / 2, length - 1] {
        File::options().write(true).open(&path).expect("opens").set_len(kept).expect("cuts");
        let mut encoder = open(cache.path(), Kernels::best());
        assert_eq!(encodings(&mut encoder), expected, "cut at {kept}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("opened to others");
    assert_eq!(*open(cache.path(), Kernels::best()).packing(), Packing::Packed);
}

#[test]
fn without_room_for_a_file_the_weights_take_memory_and_say_why() {
    let cache = tempfile::tempdir().expect("a folder");
    let expected = encodings(&mut open(cache.path(), Kernels::best()));
    let name = packed_file(cache.path()).file_name().expect("a name").to_owned();
    let full = tempfile::tempdir().expect("a folder");
    // The device that is always full, where the file is to be staged.
    let staged = Path::new(&name).with_extension(format!("{}.staged", std::process::id()));
    std::os::unix::fs::symlink("/dev/full", full.path().join(staged)).expect("a link");
    let blocked = full.path().join("file");
    fs::write(&blocked, "no folder").expect("written");
    for (cache, says) in [(full.path(), "space"), (blocked.as_path(), "file")] {
        let mut encoder = open(cache, Kernels::best());
        let Packing::InMemory { why } = encoder.packing().clone() else {
            panic!("{:?} in {}", encoder.packing(), cache.display())
        };
        assert!(why.to_lowercase().contains(says), "{why}");
        assert_eq!(encodings(&mut encoder), expected);
        encoder.rest();
        assert_eq!(encodings(&mut encoder), expected, "at rest it keeps what no file has");
        assert_eq!(encoder.mapped_bytes(), 0);
        assert!(encoder.memory_bytes() > 20 << 20);
    }
    assert!(!full.path().join(name).exists(), "no half file is left");
}

#[test]
fn what_a_killed_packing_left_is_cleared_away() {
    let cache = tempfile::tempdir().expect("a folder");
    drop(open(cache.path(), Kernels::best()));
    let path = packed_file(cache.path());
    let left = path.with_extension("4194305.staged");
    fs::rename(&path, &left).expect("renamed");
    drop(open(cache.path(), Kernels::best()));
    assert_eq!(packed_file(cache.path()), path, "and {} is gone", left.display());
}

/// A copy of the model's files that a test may change.
fn copied() -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for name in ["vocab.txt", "encoder-int8.onnx"] {
        fs::copy(files().join(name), copy.path().join(name)).expect("copied");
    }
    copy
}

#[test]
fn a_model_changed_behind_its_packed_form_is_refused() {
    let (copy, cache) = (copied(), tempfile::tempdir().expect("a folder"));
    let options = EncoderOptions { cache: Some(cache.path()), ..EncoderOptions::default() };
    let open = || SentenceEncoder::open(&manifest(), copy.path(), &options).map(drop);
    open().expect("opens");
    let graph = copy.path().join("encoder-int8.onnx");
    let file = File::options().write(true).open(&graph).expect("opens");
    file.write_at(&[0x5a], 1_000_000).expect("writes");
    assert!(matches!(open(), Err(InferenceError::WrongHash { .. })), "{:?}", open());
    fs::remove_file(&graph).expect("removed");
    assert!(matches!(open(), Err(InferenceError::Unreadable { .. })), "{:?}", open());
}

#[test]
fn a_vocabulary_that_does_not_fit_the_graph_is_refused() {
    let copy = copied();
    let place = copy.path().join("vocab.txt");
    let mut vocabulary = fs::read(&place).expect("reads");
    vocabulary.extend_from_slice(b"one-more\n");
    fs::write(&place, &vocabulary).expect("written");
    let mut manifest = manifest();
    for file in manifest.files.iter_mut().filter(|file| file.role == FileRole::Vocabulary) {
        (file.size, file.sha256) = (vocabulary.len() as u64, hex_sha256(&vocabulary));
    }
    let opened = SentenceEncoder::open(&manifest, copy.path(), &EncoderOptions::default());
    let said = opened.map(drop).expect_err("does not fit").to_string();
    assert!(said.contains("30522") && said.contains("30523"), "{said}");
}

#[test]
fn more_memory_than_is_allowed_is_an_error_that_says_how_much() {
    let options = EncoderOptions { memory_limit: Some(1 << 20), ..EncoderOptions::default() };
    let opened = SentenceEncoder::open(&manifest(), &files(), &options);
    let error = opened.map(drop).expect_err("too much");
    let InferenceError::Memory { needed, limit } = error else { panic!("{error}") };
    assert!(needed > limit && limit == 1 << 20);
}
