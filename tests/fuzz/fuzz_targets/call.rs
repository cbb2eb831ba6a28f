//! A call of any member with any arguments is read or refused: bodies of any bytes, and bodies
//! that have the right signature and any options in them.
#![no_main]

use libfuzzer_sys::{
    arbitrary::{Result, Unstructured},
    fuzz_target,
};
use valet_bus::{
    Call, Dict,
    call::{MAX_BATCH, MAX_READ, MAX_VOCABULARY},
    contract::{MEMBERS, Member},
    convert,
    options::{MAX_TIMEOUT, TurnOptions},
};
use zbus::{Message, OwnedFd, OwnedVariant, Variant};

/// Keys that some member knows.
const KEYS: [&str; 14] = [
    "session",
    "language",
    "zone",
    "mode",
    "timeout-ms",
    "initiator",
    "alternatives",
    "handle-token",
    "items",
    "screen",
    "scope",
    "units",
    "",
    "since",
];
/// Texts that mean something somewhere.
const WORDS: [&str; 12] = [
    "en",
    "row1-driver",
    "row9",
    "all",
    "act",
    "parse",
    "local-only",
    "push-to-talk",
    "confirm",
    "OPEN",
    "a_1",
    "",
];
const OBJECTS: [&str; 6] = [
    "/org/valetd/Assistant1",
    "/org/valetd/Assistant1/session/s1",
    "/org/valetd/Assistant1/session/u1000_2frow1_2ddriver",
    "/org/valetd/Assistant1/session/u_2f",
    "/org/valetd/Assistant1/skill/org_2evaletd_2eclimate",
    "/org/valetd/Assistant1/skill/_",
];

fn word(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(if u.ratio(2, 3)? { (*u.choose(&WORDS)?).to_owned() } else { u.arbitrary()? })
}

fn words(u: &mut Unstructured<'_>) -> Result<Vec<String>> {
    (0..u.int_in_range(0..=9)?).map(|_| word(u)).collect()
}

fn value(u: &mut Unstructured<'_>, depth: u8) -> Result<OwnedVariant> {
    let path = *u.choose(&OBJECTS)?;
    let value = match u.int_in_range(0..=15)? {
        0 => Variant::from(u.arbitrary::<bool>()?),
        1 => Variant::from(u.arbitrary::<u8>()?),
        2 => Variant::from(u.arbitrary::<i16>()?),
        3 => Variant::from(u.arbitrary::<i32>()?),
        4 => Variant::from(u.arbitrary::<u32>()?),
        5 => Variant::from(u.arbitrary::<i64>()?),
        6 => Variant::from(u.arbitrary::<u64>()?),
        7 => Variant::from(u.arbitrary::<f64>()?),
        8 => Variant::from(zbus::ObjectPath::try_from(path).expect("a path")),
        9 => Variant::from(words(u)?),
        10 => Variant::from(vec![(word(u)?, word(u)?), (word(u)?, word(u)?)]),
        11 => Variant::from(u.arbitrary::<Vec<f64>>()?),
        12 => Variant::from(u.arbitrary::<Vec<i64>>()?),
        13 if depth > 0 => Variant::Variant(Box::new(value(u, depth - 1)?.into())),
        14 if depth > 0 => Variant::from(vec![dict(u, depth - 1)?]),
        _ => Variant::from(word(u)?),
    };
    Ok(OwnedVariant::try_from(value).expect("no descriptor is in it"))
}

fn dict(u: &mut Unstructured<'_>, depth: u8) -> Result<Dict> {
    let mut dict = Dict::new();
    for _ in 0..u.int_in_range(0..=4)? {
        let key = if u.ratio(7, 8)? { (*u.choose(&KEYS)?).to_owned() } else { u.arbitrary()? };
        dict.insert(key, value(u, depth)?);
    }
    Ok(dict)
}

/// A descriptor of a file: what is in it is read later, by others.
fn descriptor() -> OwnedFd {
    let file = std::fs::File::open("/dev/null").expect("a device of each system");
    std::os::fd::OwnedFd::from(file).into()
}

/// A call whose arguments have the signature of the member.
fn built(u: &mut Unstructured<'_>, member: &Member, object: &str) -> Result<Option<Message>> {
    let call = Message::method_call(object, member.name).interface(member.interface);
    let message = match member.signature {
        "a{sv}" => call.build(&dict(u, 2)?),
        "sa{sv}" => call.build(&(word(u)?, dict(u, 2)?)),
        "ssa{sv}" => call.build(&(word(u)?, word(u)?, dict(u, 2)?)),
        "asa{sv}" => {
            // Longer than any of the bounds, sometimes.
            let times = if u.ratio(1, 16)? { 400 } else { 1 };
            call.build(&(vec![words(u)?; times].concat(), dict(u, 2)?))
        }
        "oa{sv}" => {
            let path = zbus::ObjectPath::try_from(*u.choose(&OBJECTS)?).expect("a path");
            call.build(&(path, dict(u, 2)?))
        }
        "oasa{sv}" => {
            let path = zbus::ObjectPath::try_from(*u.choose(&OBJECTS)?).expect("a path");
            call.build(&(path, words(u)?, dict(u, 2)?))
        }
        "sa(sas)a{sv}" => {
            let times = if u.ratio(1, 16)? { 2001 } else { 2 };
            call.build(&(word(u)?, vec![(word(u)?, words(u)?); times], dict(u, 2)?))
        }
        "sva{sv}" => call.build(&(word(u)?, value(u, 2)?, dict(u, 2)?)),
        "ha{sv}" => call.build(&(descriptor(), dict(u, 2)?)),
        "hayasa{sv}" => {
            // As long as a hash, sometimes.
            let hash: Vec<u8> =
                if u.arbitrary()? { vec![u.arbitrary()?; 32] } else { u.arbitrary()? };
            let grants = vec![words(u)?; if u.ratio(1, 16)? { 400 } else { 1 }].concat();
            call.build(&(descriptor(), hash, grants, dict(u, 2)?))
        }
        "a{sv}a{sv}" => call.build(&(dict(u, 3)?, dict(u, 2)?)),
        other => panic!("{} has the signature {other:?}, which is not built here", member.name),
    };
    // A path that the fuzzer made up may be none.
    Ok(message.ok())
}

/// A call whose body is what is left.
fn raw(u: &mut Unstructured<'_>, member: &Member, object: &str) -> Result<Option<Message>> {
    let bytes = u.bytes(u.len())?;
    let call = Message::method_call(object, member.name).interface(member.interface);
    // SAFETY: a body that is not what the signature says is what a hostile client sends; the
    // reader must stand it, and no descriptor is with it.
    Ok(unsafe { call.build_raw_body(bytes, member.signature, Vec::new()) }.ok())
}

fn check_options(options: &TurnOptions) {
    assert!(options.timeout <= MAX_TIMEOUT);
    assert!(options.language.as_ref().is_none_or(|text| text.len() <= 256));
    assert!(options.handle_token.as_ref().is_none_or(|text| (1..=64).contains(&text.len())));
}

fn check(call: Call) {
    match call {
        Call::Ask { options, .. }
        | Call::Submit { options, .. }
        | Call::Undo { options }
        | Call::Say { options, .. } => check_options(&options),
        Call::Parse { options, .. } => check_options(&options.turn),
        Call::ParseBatch { texts, options } => {
            check_options(&options.turn);
            assert!(texts.len() <= MAX_BATCH);
        }
        Call::Read { paths } => assert!(paths.len() <= MAX_READ),
        Call::SetVocabulary { values, .. } => assert!(values.len() <= MAX_VOCABULARY),
        Call::SimulatorSet { value, .. } => {
            let _ = (convert::signal_from(&value), convert::setting_from(&value));
        }
        Call::SetSkillSettings { settings, .. } => {
            assert!(settings.len() <= 64);
            for value in settings.values() {
                let _ = convert::setting_from(value);
            }
        }
        _ => {}
    }
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let member = u.choose(MEMBERS)?;
    let object = if u.ratio(7, 8)? { *u.choose(&OBJECTS)? } else { u.arbitrary()? };
    let message = if u.arbitrary()? { built(u, member, object)? } else { raw(u, member, object)? };
    if let Some(message) = message {
        match Call::read(member, object, &message) {
            Ok(call) => check(call),
            Err(refused) => assert!(!refused.message.is_empty()),
        }
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    // Too few bytes make no call.
    let _ = run(&mut Unstructured::new(bytes));
});
