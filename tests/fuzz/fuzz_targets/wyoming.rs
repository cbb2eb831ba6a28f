//! A stream of any bytes holds frames of voice pipelines or a named fault, the same however it is cut, and
//! no more of it is kept than the bounds allow.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use valet_core::entity::EntityKind;
use valet_voice::{Event, Frame, FrameError, FrameReader, from_json};

fuzz_target!(|bytes: &[u8]| {
    let whole = read(&[bytes]);
    for size in [1, 5] {
        let cut = read(&bytes.chunks(size).collect::<Vec<_>>());
        assert_eq!(whole.0, cut.0);
        assert_eq!(whole.1.is_some(), cut.1.is_some());
    }
    for frame in &whole.0 {
        let written = frame.to_bytes();
        let (again, fault) = read(&[&written]);
        // What came within the bounds may be past them when it is written as we write.
        assert!(fault.is_some() || matches!(&again[..], [same] if is_same(frame, same)));
        if let Ok(Event::Intent(intent)) = Event::read(frame) {
            for (name, value) in &intent.entities {
                let _ = from_json(&EntityKind::from_name(name), value);
            }
        }
    }
});

/// Whether two frames say the same. A number of more digits than a float holds may come back as its neighbour.
fn is_same(one: &Frame, other: &Frame) -> bool {
    let values = |frame: &Frame| Value::Object(frame.data.clone());
    one.kind == other.kind && is_alike(&values(one), &values(other))
}

fn is_alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| is_alike(v, w)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(v, w)| is_alike(v, w))
        }
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => a == b || (a - b).abs() <= 4.0 * f64::EPSILON * a.abs(),
            _ => a == b,
        },
        _ => one == other,
    }
}

fn read(pieces: &[&[u8]]) -> (Vec<Frame>, Option<FrameError>) {
    let (mut reader, mut frames) = (FrameReader::default(), Vec::new());
    for piece in pieces {
        let mut rest = *piece;
        loop {
            match reader.take(&mut rest) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(fault) => return (frames, Some(fault)),
            }
        }
    }
    (frames, None)
}
