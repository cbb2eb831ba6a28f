//! Verdicts on packed files: what is written comes back, and what is not quite it is packed again.

use std::fs;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::program::{Op, Step, Table, Value};

fn key() -> Key {
    let stamp = Stamp { name: "vocab.txt".to_owned(), bytes: 7, modified_ns: -3 };
    Key { fingerprint: "abc".to_owned(), layout: "flat".to_owned(), sources: vec![stamp] }
}

/// A small packed model: a table and a mean.
fn packed() -> Vec<u8> {
    let mut writer = Writer::new(Cursor::new(Vec::new())).expect("begins");
    let mut section = |bytes: &[u8]| writer.section(bytes).expect("fits");
    let table = Table {
        pieces: 2,
        positions: 1,
        width: 3,
        rows: section(&[1, 2, 3, 4, 5, 6]),
        scales: section(&[0; 8]),
        position_rows: section(&[0; 12]),
    };
    let (pieces, sorted_pieces) = (section(b"a\nb\n"), section(&[0, 0, 0, 0, 1, 0, 0, 0]));
    let step = |input, op| Step { name: "it".to_owned(), inputs: vec![input], op };
    let steps = vec![step(Value::Ids, Op::Embed(table)), step(Value::Step(0), Op::Mean)];
    let program = Program { steps, sentence: Value::Step(1), tokens: Value::Step(0) };
    let head = Head { key: key(), program, pieces, sorted_pieces };
    writer.finish(&head).expect("is written").into_inner()
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("ours alone");
}

fn why(path: &Path) -> String {
    PackedModel::open(path, &key()).expect_err("is doubted").to_string()
}

#[test]
fn sections_come_back_aligned_and_as_they_were() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("it.packed");
    write(&path, &packed());
    let (model, head) = PackedModel::open(&path, &key()).expect("opens");
    let Op::Embed(table) = &head.program.steps[0].op else { panic!("the first step embeds") };
    assert_eq!(model.numbers::<i8>(table.rows, 6), Ok(&[1i8, 2, 3, 4, 5, 6][..]));
    assert_eq!(model.numbers::<f32>(table.scales, 2), Ok(&[0.0f32; 2][..]));
    assert_eq!(model.numbers::<u32>(head.sorted_pieces, 2), Ok(&[0u32, 1][..]));
    assert_eq!(model.bytes(head.pieces), Ok(&b"a\nb\n"[..]));
    assert_eq!((model.mapped_bytes(), model.own_bytes()), (packed().len() as u64, 0));
    assert!(model.numbers::<f32>(table.scales, 3).is_err(), "another length");
    for (at, bytes) in [(0, 8), (4096, u64::MAX), (u64::MAX, 2), (4097, 1), (1 << 30, 1)] {
        assert!(model.bytes(Section { at, bytes }).is_err(), "{at} {bytes}");
    }
}

#[test]
fn a_file_changed_or_cut_anywhere_is_doubted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("it.packed");
    let whole = packed();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        assert!(PackedModel::from_bytes(&changed).is_err(), "byte {at} changed");
        assert!(PackedModel::from_bytes(&whole[..at]).is_err(), "cut at {at}");
    }
    write(&path, &whole[..whole.len() - 1]);
    assert!(why(&path).contains("cut short"), "{}", why(&path));
    write(&path, &[&whole[..], b"x"].concat());
    assert!(why(&path).contains("cut short"), "{}", why(&path));
}

#[test]
fn a_file_of_another_model_processor_or_owner_is_doubted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("it.packed");
    assert!(PackedModel::open(&path, &key()).is_err(), "nothing there");
    write(&path, &packed());
    for other in [
        Key { fingerprint: "abd".to_owned(), ..key() },
        Key { layout: "int8-panel16-group2".to_owned(), ..key() },
        Key { sources: Vec::new(), ..key() },
    ] {
        assert!(PackedModel::open(&path, &other).is_err(), "{other:?}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("opened to others");
    assert!(why(&path).contains("others"), "{}", why(&path));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours alone");
    let link = folder.path().join("link.packed");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    assert!(PackedModel::open(&link, &key()).is_err(), "a link");
    assert!(why(folder.path()).contains("regular"), "{}", why(folder.path()));
}

#[test]
fn a_file_takes_its_place_when_it_is_whole_and_else_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("models/it.packed");
    let (staged, _) = Staged::begin(&path).expect("begins");
    drop(staged);
    assert_eq!(fs::read_dir(path.parent().expect("a folder")).expect("lists").count(), 0);
    let (staged, mut file) = Staged::begin(&path).expect("begins");
    std::io::Write::write_all(&mut file, &packed()).expect("written");
    staged.place(file).expect("placed");
    assert!(PackedModel::open(&path, &key()).is_ok());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..9000), magic in any::<bool>()) {
        let mut bytes = bytes;
        if magic && bytes.len() > MAGIC.len() {
            bytes[..MAGIC.len()].copy_from_slice(MAGIC);
        }
        prop_assert!(PackedModel::from_bytes(&bytes).is_err());
    }
}
