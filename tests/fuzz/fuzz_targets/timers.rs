//! Timers as they are kept, and times and dates, of any text are read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../../skills/timers/src"]
mod timers {
    pub mod book;
    pub mod when;
    pub mod words;
}
use timers::{
    book::{MAX_NAME_BYTES, Timer, clean_name, id_of, meant},
    when::{Now, day_number, time_ms},
    words,
};

fuzz_target!(|text: &str| {
    let number = text.split('\t').next().and_then(|first| first.parse::<i64>().ok());
    let (moment, length_ms) = (number.unwrap_or(i64::MAX), number.unwrap_or(0).unsigned_abs());
    let _ = id_of(text, "timer-");
    assert!(clean_name(text).len() <= MAX_NAME_BYTES);
    if let Some(timer) = Timer::read(1, text, length_ms) {
        assert_eq!(Timer::read(1, &timer.payload(), length_ms), Some(timer.clone()));
        let _ = (timer.label(false), meant(&[&timer], Some(text)));
    }
    let now = Now { utc_ms: moment, offset_ms: 7_200_000 };
    let _ = (now.spoken(moment.wrapping_neg(), true), now.spoken(moment / 7, false));
    let today = Now { utc_ms: 1_795_000_000_000, offset_ms: -12_600_000 };
    for part in text.split(' ') {
        let _ = (time_ms(part), day_number(part), today.next(part, None));
        let _ = today.next("07:00", Some(part));
    }
});
