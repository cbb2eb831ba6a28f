//! Verdicts on packages with real keys, real signatures and key files as a device has them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use minisign::KeyPair;
use tempfile::TempDir;
use valet_package::packed::PackedManifest;
use valet_package::signature::{PublicKey, Signature};
use valet_trust::{Clock, Fault, Refusal, TrustStore};

const SEEN: &str = "2026-01-01T00:00:00Z";

fn pair() -> KeyPair {
    KeyPair::generate_unencrypted_keypair().expect("keys")
}

fn number(pair: &KeyPair) -> String {
    PublicKey::parse(&pair.pk.to_base64()).expect("a key").id().to_string()
}

fn sign(pair: &KeyPair, bytes: &[u8]) -> Signature {
    let file = minisign::sign(Some(&pair.pk), &pair.sk, bytes, Some("for tests"), None);
    Signature::adopt(file.expect("signed").into_string().as_bytes()).expect("a signature")
}

fn package(id: &str, counter: u64, class: &str) -> PackedManifest {
    let text = format!(
        "schema = 1\n[skill]\nid = \"{id}\"\nversion = \"1.0.0\"\ncounter = {counter}\napi = \"0.1\"\n\
         name = {{ en = \"Lamp\" }}\nlicense = \"Apache-2.0\"\n\
         [intents.set-light]\ndescription = \"Set the light\"\nclass = \"{class}\"\n\
         [[files]]\npath = \"skill.wasm\"\nbytes = 1\nsha256 = \"{}\"\n",
        "0".repeat(64)
    );
    PackedManifest::parse(text.into_bytes()).expect("a manifest")
}

fn lamp() -> PackedManifest {
    package("org.example.lamp", 7, "comfort")
}

fn clock() -> Clock {
    Clock {
        now: "2026-11-28T12:00:00Z".parse().expect("a time"),
        trusted: true,
        latest_seen: SEEN.parse().expect("a time"),
    }
}

/// A device's folder of keys.
struct Device {
    folder: TempDir,
}

impl Device {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("closed");
    }

    /// A key for `org.example.**` up to comfort, with these lines more.
    fn trust(&self, name: &str, pair: &KeyPair, more: &str) {
        self.write(
            name,
            &format!(
                "schema = 1\nname = \"Example\"\nkey = \"{}\"\nnamespaces = [\"org.example.**\"]\n\
                 highest-class = \"comfort\"\n{more}",
                pair.pk.to_base64()
            ),
        );
    }

    fn revoke(&self, pair: &KeyPair, list: &str) {
        self.write("revoked.toml", list);
        self.write("revoked.toml.minisig", sign(pair, list.as_bytes()).text());
    }

    fn read(&self, serial: u64) -> (TrustStore, Vec<Fault>) {
        TrustStore::read(&[self.path()], &[rustix::process::geteuid().as_raw()], serial)
    }

    fn store(&self) -> TrustStore {
        let (store, faults) = self.read(0);
        assert_eq!(faults, []);
        store
    }
}

#[test]
fn a_key_vouches_for_what_it_may_sign() {
    let (device, author) = (Device::new(), pair());
    device.trust("example.toml", &author, "not-after = \"2027-12-31\"");
    let (lamp, store) = (lamp(), device.store());
    let verdict = store.judge(&lamp, &[sign(&author, &lamp.bytes)], &clock()).expect("trusted");
    assert_eq!(verdict.highest_class.name(), "comfort");
    assert_eq!(verdict.signers[0].id.to_string(), number(&author));
    assert_eq!(verdict.signers[0].comment, "for tests");
}

#[test]
fn code_counts_by_the_word_of_a_key_that_may_sign_it_and_vouches() {
    let (device, author, maker) = (Device::new(), pair(), pair());
    device.trust("author.toml", &author, "");
    device.trust("maker.toml", &maker, "may-sign-code = true");
    let (lamp, store) = (lamp(), device.store());
    let [by_author, by_maker] = [&author, &maker].map(|pair| sign(pair, &lamp.bytes));
    let counts = |signatures: &[Signature]| {
        store.judge(&lamp, signatures, &clock()).expect("trusted").code_counts
    };
    assert!(!counts(std::slice::from_ref(&by_author)));
    assert!(
        counts(std::slice::from_ref(&by_maker)) && counts(&[by_author.clone(), by_maker.clone()])
    );
    // A key that may sign code, of other skills.
    let device = Device::new();
    device.trust("author.toml", &author, "");
    let elsewhere = format!(
        "schema = 1\nname = \"Elsewhere\"\nkey = \"{}\"\nnamespaces = [\"org.other.**\"]\n\
         highest-class = \"security\"\nmay-sign-code = true",
        maker.pk.to_base64()
    );
    device.write("maker.toml", &elsewhere);
    let verdict = device.store().judge(&lamp, &[by_author, by_maker], &clock());
    assert!(!verdict.expect("the author vouches").code_counts);
}

#[test]
fn a_key_for_code_that_has_ended_refuses_a_package_with_code() {
    let (device, author, maker) = (Device::new(), pair(), pair());
    device.trust("author.toml", &author, "");
    device.trust("maker.toml", &maker, "may-sign-code = true\nnot-after = \"2020-12-31\"");
    let store = device.store();
    let both = |package: &PackedManifest| [&author, &maker].map(|pair| sign(pair, &package.bytes));
    let plain = lamp();
    let verdict = store.judge(&plain, &both(&plain), &clock()).expect("the author vouches");
    assert!(!verdict.code_counts);
    // It would come to count when what is installed is judged, where the end of a key is no matter.
    let line = format!(
        "\n[[files]]\npath = \"code/{0}.bin\"\nbytes = 1\nsha256 = \"{0}\"\n",
        "0".repeat(64)
    );
    let with_code = [plain.bytes.as_slice(), line.as_bytes()].concat();
    let with_code = PackedManifest::parse(with_code).expect("a manifest");
    let refused = store.judge(&with_code, &both(&with_code), &clock());
    assert!(matches!(refused, Err(Refusal::Expired { .. })), "{refused:?}");
}

#[test]
fn who_is_unknown_or_unsigned_is_refused() {
    let (device, author, stranger) = (Device::new(), pair(), pair());
    device.trust("example.toml", &author, "");
    let (lamp, store) = (lamp(), device.store());
    assert_eq!(store.judge(&lamp, &[], &clock()), Err(Refusal::Unsigned));
    let refused = store.judge(&lamp, &[sign(&stranger, &lamp.bytes)], &clock());
    assert!(matches!(refused, Err(Refusal::UnknownKeys { .. })), "{refused:?}");
    // With a known one beside it, an unknown one does no harm.
    let both = [sign(&stranger, &lamp.bytes), sign(&author, &lamp.bytes)];
    assert!(store.judge(&lamp, &both, &clock()).is_ok());
}

#[test]
fn another_namespace_a_higher_class_and_a_changed_manifest_are_refused() {
    let (device, author) = (Device::new(), pair());
    device.trust("example.toml", &author, "");
    let store = device.store();
    let judge = |package: &PackedManifest| {
        store.judge(package, &[sign(&author, &package.bytes)], &clock()).expect_err("refused")
    };
    assert!(matches!(judge(&package("org.other.lamp", 1, "info")), Refusal::Namespace { .. }));
    let class = judge(&package("org.example.door", 1, "security"));
    assert!(matches!(class, Refusal::Class { .. }), "{class}");
    assert!(class.to_string().contains("up to comfort"), "{class}");
    let wrong = store.judge(&lamp(), &[sign(&author, b"another manifest")], &clock());
    assert!(matches!(wrong, Err(Refusal::Signature { .. })), "{wrong:?}");
}

#[test]
fn a_key_that_ends_wants_a_clock_that_is_trusted() {
    let (device, author) = (Device::new(), pair());
    device.trust("example.toml", &author, "not-after = \"2026-11-28\"");
    let (lamp, store) = (lamp(), device.store());
    let at = |now: &str, trusted: bool, latest_seen: &str| {
        let clock = Clock {
            now: now.parse().expect("a time"),
            trusted,
            latest_seen: latest_seen.parse().expect("a time"),
        };
        store.judge(&lamp, &[sign(&author, &lamp.bytes)], &clock)
    };
    assert!(at("2026-11-28T23:59:59Z", true, SEEN).is_ok());
    let expired = at("2026-11-29T00:00:00Z", true, SEEN);
    assert!(matches!(expired, Err(Refusal::Expired { .. })), "{expired:?}");
    let unknown = at("2026-11-01T00:00:00Z", false, SEEN);
    assert!(matches!(unknown, Err(Refusal::UnknownTime { .. })), "{unknown:?}");
    let turned_back = at("2026-11-01T00:00:00Z", true, "2026-12-01T00:00:00Z");
    assert!(matches!(turned_back, Err(Refusal::Expired { .. })), "{turned_back:?}");
}

#[test]
fn what_is_revoked_is_refused_whoever_signed_it() {
    let (device, author, store_key) = (Device::new(), pair(), pair());
    device.trust("example.toml", &author, "");
    device.trust("store.toml", &store_key, "may-revoke = true");
    let lamp = lamp();
    let judge = || device.store().judge(&lamp, &[sign(&author, &lamp.bytes)], &clock());
    let skill = "[[skills]]\nid = \"org.example.lamp\"\nup-to-counter";
    device.revoke(&store_key, &format!("schema = 1\nserial = 1\n{skill} = 6\n"));
    assert!(judge().is_ok());
    device.revoke(&store_key, &format!("schema = 1\nserial = 2\n{skill} = 7\n"));
    assert!(matches!(judge(), Err(Refusal::Revoked { serial: 2, .. })));
    let hash = data_encoding::HEXLOWER.encode(&lamp.sha256());
    device.revoke(&store_key, &format!("schema = 1\nserial = 3\nmanifests = [\"{hash}\"]\n"));
    assert!(matches!(judge(), Err(Refusal::Revoked { serial: 3, .. })));
    let key = number(&author);
    device.revoke(&store_key, &format!("schema = 1\nserial = 4\nkeys = [\"{key}\"]\n"));
    assert!(matches!(judge(), Err(Refusal::KeyRevoked { serial: 4, .. })));
}

#[test]
fn a_list_that_cannot_be_used_refuses_everything() {
    let (device, author, store_key) = (Device::new(), pair(), pair());
    device.trust("example.toml", &author, "");
    device.trust("store.toml", &store_key, "may-revoke = true");
    let lamp = lamp();
    let refused = |serial: u64| {
        let (store, _) = device.read(serial);
        match store.judge(&lamp, &[sign(&author, &lamp.bytes)], &clock()) {
            Err(Refusal::NoList { why }) => why,
            other => panic!("{other:?}"),
        }
    };
    assert!(refused(3).contains("none now"), "a list was seen and is gone");
    device.revoke(&store_key, "schema = 1\nserial = 2\n");
    assert!(refused(3).contains("an older one"), "an older list was put back");
    assert!(device.read(2).0.judge(&lamp, &[sign(&author, &lamp.bytes)], &clock()).is_ok());
    device.revoke(&author, "schema = 1\nserial = 4\n");
    assert!(refused(0).contains("no key here that may revoke"));
    device.revoke(&store_key, "schema = 1\nserial = 4\n");
    device.write("revoked.toml", "schema = 1\nserial = 5\n");
    assert!(refused(0).contains("not the signature"));
    device.revoke(&store_key, "schema = 1\nserial = 0\n");
    assert!(refused(0).contains("at least 1"));
    fs::remove_file(device.path().join("revoked.toml.minisig")).expect("removed");
    assert!(refused(0).contains("its signature"));
}

#[test]
fn a_list_that_is_being_replaced_counts_as_the_old_or_the_new_one_at_each_step() {
    let (device, source, authority) = (Device::new(), Device::new(), pair());
    device.trust("authority.toml", &authority, "may-revoke = true");
    device.revoke(&authority, "schema = 1\nserial = 2\n");
    source.revoke(&authority, "schema = 1\nserial = 3\n");
    let serial = || {
        let (store, faults) = device.read(0);
        assert_eq!((faults, store.without_list()), (Vec::new(), None));
        store.revoked().serial
    };
    let copy = |from: &str, to: &str| {
        fs::copy(source.path().join(from), device.path().join(to)).expect("copied");
    };
    copy("revoked.toml.minisig", "revoked.toml.minisig.new");
    assert_eq!(serial(), 2);
    copy("revoked.toml", "revoked.toml");
    assert_eq!(serial(), 3);
    let at = |name: &str| device.path().join(name);
    fs::rename(at("revoked.toml.minisig.new"), at("revoked.toml.minisig")).expect("renamed");
    assert_eq!(serial(), 3);
}

#[test]
fn a_key_file_that_is_doubtful_is_no_key() {
    let (device, author, other) = (Device::new(), pair(), pair());
    device.trust("a.toml", &author, "");
    device.trust("b.toml", &author, "");
    device.trust("c.toml", &other, "colour = \"red\"");
    device.trust("d.toml", &other, "not-after = \"soon\"");
    device.trust("e.toml", &other, "");
    fs::set_permissions(device.path().join("e.toml"), fs::Permissions::from_mode(0o666))
        .expect("opened");
    std::os::unix::fs::symlink("a.toml", device.path().join("f.toml")).expect("a link");
    device.write("g.toml", &"#".repeat(20_000));
    let (store, faults) = device.read(0);
    assert_eq!(store.keys().count(), 1);
    let said: Vec<&str> = faults.iter().map(|fault| fault.why.as_str()).collect();
    for (place, words) in
        ["is there already", "colour", "a day as", "others may write", "", "more than"]
            .into_iter()
            .enumerate()
    {
        assert!(said[place].contains(words), "{words}: {said:?}");
    }
    assert_eq!(said.len(), 6, "{said:?}");
    let (store, faults) = TrustStore::read(&[device.path()], &[12345], 0);
    assert_eq!((store.keys().count(), faults.len()), (0, 1), "somebody else's folder: {faults:?}");
    let (store, faults) = TrustStore::read(&[Path::new("/nowhere")], &[0], 0);
    assert_eq!((store.keys().count(), faults.len()), (0, 0));
}

#[test]
fn what_is_installed_outlives_the_end_of_its_key_but_no_revocation_and_no_removal_of_the_key() {
    let (device, author, authority) = (Device::new(), pair(), pair());
    device.trust("example.toml", &author, "not-after = \"2026-01-02\"");
    device.trust("authority.toml", &authority, "may-revoke = true");
    let lamp = lamp();
    let signatures = [sign(&author, &lamp.bytes)];
    let store = device.store();
    let refused = store.judge(&lamp, &signatures, &clock()).expect_err("the key has ended");
    assert!(matches!(refused, Refusal::Expired { .. }), "{refused}");
    store.judge_installed(&lamp, &signatures).expect("it was installed in time");
    device
        .revoke(&authority, &format!("schema = 1\nserial = 1\nkeys = [\"{}\"]\n", number(&author)));
    let refused = device.store().judge_installed(&lamp, &signatures).expect_err("revoked");
    assert!(matches!(refused, Refusal::KeyRevoked { .. }), "{refused}");
    device.revoke(&authority, "schema = 1\nserial = 2\n");
    device.store().judge_installed(&lamp, &signatures).expect("not revoked any more");
    fs::remove_file(device.path().join("example.toml")).expect("removed");
    let refused = device.store().judge_installed(&lamp, &signatures).expect_err("unknown");
    assert!(matches!(refused, Refusal::UnknownKeys { .. }), "{refused}");
}
