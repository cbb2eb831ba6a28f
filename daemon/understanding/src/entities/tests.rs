//! Verdicts on the recognisers: one line a phrase.

use super::*;
use proptest::prelude::*;
use valet_core::zone::Side;

fn context() -> Context {
    // A Wednesday.
    let local_now = Some(jiff::civil::DateTime::constant(2026, 11, 25, 10, 30, 0, 0));
    Context { speaker: Zone::Seat(2, Side::Passenger), driver_left: true, local_now }
}

fn whole(kind: Kind, text: &str) -> Option<String> {
    let tokens = Tokens::read(text);
    Entities::default()
        .exactly(kind, &tokens, 0..tokens.len(), &context())
        .map(|value| value.to_string())
}

/// Each phrase as a whole is exactly that value; `-` = it is no such value.
fn check(kind: Kind, table: &[(&str, &str)]) {
    let wrong: Vec<String> = table
        .iter()
        .filter_map(|(text, expected)| {
            let got = whole(kind, text).unwrap_or_else(|| "-".to_owned());
            (got != *expected).then(|| format!("{text:?}: expected {expected}, got {got}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{kind:?}:\n{}", wrong.join("\n"));
}

#[test]
fn numbers_are_read() {
    check(
        Kind::Number,
        &[
            ("5", "5"),
            ("-3", "-3"),
            ("minus five", "-5"),
            ("negative 2", "-2"),
            ("2.5", "2.5"),
            ("1,000", "1000"),
            ("zero", "0"),
            ("twenty two", "22"),
            ("twenty-two", "22"),
            ("twenty two and a half", "22.5"),
            ("twenty two point five", "22.5"),
            ("three point one four", "3.14"),
            ("a hundred and twenty", "120"),
            ("one hundred twenty", "120"),
            ("two thousand three hundred and five", "2305"),
            ("2 thousand", "2000"),
            ("a million", "1000000"),
            ("half", "0.5"),
            ("a quarter", "0.25"),
            ("three quarters", "0.75"),
            ("one and a half", "1.5"),
            ("1½", "1.5"),
            ("a couple", "2"),
            ("a dozen", "12"),
            ("nineteen", "19"),
            ("ninety nine", "99"),
            ("twenty twelve", "-"),
            ("one two", "-"),
            ("hundred", "-"),
            ("7:30", "-"),
            ("3rd", "-"),
            ("a", "-"),
            ("window", "-"),
        ],
    );
}

#[test]
fn ordinals_are_read() {
    check(
        Kind::Ordinal,
        &[
            ("first", "1"),
            ("the second one", "2"),
            ("the 3rd", "3"),
            ("twenty first", "21"),
            ("thirtieth", "30"),
            ("last", "-1"),
            ("the last one", "-1"),
            ("number four", "4"),
            ("option 2", "2"),
            ("two", "-"),
        ],
    );
}

#[test]
fn percentages_are_read() {
    check(
        Kind::Percentage,
        &[
            ("thirty percent", "30"),
            ("30%", "30"),
            ("50 %", "50"),
            ("12.5 per cent", "12.5"),
            ("half", "50"),
            ("halfway", "50"),
            ("half way", "50"),
            ("a quarter", "25"),
            ("three quarters", "75"),
            ("all the way", "100"),
            ("fully", "100"),
            ("completely", "100"),
            ("max", "100"),
            ("the maximum", "100"),
            ("minimum", "0"),
            ("a hundred percent", "100"),
            ("20", "20"),
            ("zero percent", "0"),
            ("150 percent", "-"),
            ("minus five percent", "-"),
            ("open", "-"),
        ],
    );
}

#[test]
fn temperatures_become_celsius() {
    check(
        Kind::Temperature,
        &[
            ("22", "22"),
            ("22 degrees", "22"),
            ("twenty two and a half degrees", "22.5"),
            ("twenty two degrees and a half", "22.5"),
            ("22°C", "22"),
            ("22 °", "22"),
            ("21.5 degrees celsius", "21.5"),
            ("twenty centigrade", "20"),
            ("seventy two fahrenheit", "22.2"),
            ("72 degrees Fahrenheit", "22.2"),
            ("72°F", "22.2"),
            ("72", "22.2"),
            ("68 degrees", "20"),
            ("40 f", "4.4"),
            ("45", "45"),
            ("minus five", "-5"),
            ("five degrees below zero", "-5"),
            ("warm", "-"),
            ("22 percent", "-"),
        ],
    );
}

#[test]
fn durations_become_milliseconds() {
    check(
        Kind::Duration,
        &[
            ("90 seconds", "90000 ms"),
            ("five minutes", "300000 ms"),
            ("5 min", "300000 ms"),
            ("10 secs", "10000 ms"),
            ("an hour", "3600000 ms"),
            ("a minute", "60000 ms"),
            ("half an hour", "1800000 ms"),
            ("half a minute", "30000 ms"),
            ("a half hour", "1800000 ms"),
            ("an hour and a half", "5400000 ms"),
            ("one and a half hours", "5400000 ms"),
            ("two and a half minutes", "150000 ms"),
            ("two minutes and a half", "150000 ms"),
            ("a quarter of an hour", "900000 ms"),
            ("three quarters of an hour", "2700000 ms"),
            ("1h30", "5400000 ms"),
            ("1 h 30 min", "5400000 ms"),
            ("one hour thirty", "5400000 ms"),
            ("two hours and five minutes", "7500000 ms"),
            ("1 hour, 2 minutes and 3 seconds", "3723000 ms"),
            ("five more minutes", "300000 ms"),
            ("another ten minutes", "-"),
            ("another minute", "60000 ms"),
            ("a couple of minutes", "120000 ms"),
            ("2 days", "172800000 ms"),
            ("a week", "604800000 ms"),
            ("5", "-"),
            ("minus five minutes", "-"),
            ("minutes", "-"),
        ],
    );
}

#[test]
fn times_of_day_are_read() {
    check(
        Kind::Time,
        &[
            ("7:30", "07:30"),
            ("19:30", "19:30"),
            ("0730", "07:30"),
            ("645", "06:45"),
            ("seven", "07:00"),
            ("7 pm", "19:00"),
            ("7pm", "19:00"),
            ("7 p.m.", "19:00"),
            ("12 am", "00:00"),
            ("12 pm", "12:00"),
            ("seven o'clock", "07:00"),
            ("seven thirty", "07:30"),
            ("seven oh five", "07:05"),
            ("six forty five pm", "18:45"),
            ("quarter past seven", "07:15"),
            ("a quarter to eight", "07:45"),
            ("half past six", "06:30"),
            ("half six", "06:30"),
            ("twenty past three in the afternoon", "15:20"),
            ("ten minutes to nine", "08:50"),
            ("five to midnight", "23:55"),
            ("seven in the morning", "07:00"),
            ("eight in the evening", "20:00"),
            ("eleven at night", "23:00"),
            ("nine tonight", "21:00"),
            ("noon", "12:00"),
            ("midday", "12:00"),
            ("midnight", "00:00"),
            ("in ten minutes", "10:40"),
            ("half an hour from now", "11:00"),
            ("eighteen hundred hours", "18:00"),
            ("25:00", "-"),
            ("7:75", "-"),
            ("19 am", "-"),
            ("late", "-"),
        ],
    );
}

#[test]
fn dates_are_read_from_today_on() {
    check(
        Kind::Date,
        &[
            ("today", "2026-11-25"),
            ("tomorrow", "2026-11-26"),
            ("tomorrow morning", "2026-11-26"),
            ("the day after tomorrow", "2026-11-27"),
            ("on friday", "2026-11-27"),
            ("friday", "2026-11-27"),
            ("wednesday", "2026-12-02"),
            ("monday", "2026-11-30"),
            ("next monday", "2026-11-30"),
            ("next friday", "2026-12-04"),
            ("in three days", "2026-11-28"),
            ("a week from now", "2026-12-02"),
            ("next week", "2026-12-02"),
            ("the 3rd of may", "2027-05-03"),
            ("may 3rd", "2027-05-03"),
            ("3 december", "2026-12-03"),
            ("may the third", "2027-05-03"),
            ("december 24th 2026", "2026-12-24"),
            ("the 15th", "2026-12-15"),
            ("the 31st", "2026-12-31"),
            ("2026-12-24", "2026-12-24"),
            ("the 29th of february", "2028-02-29"),
            ("the 31st of february", "-"),
            ("someday", "-"),
        ],
    );
}

#[test]
fn without_a_clock_only_full_dates_are_known() {
    let tokens = |text: &str| Tokens::read(text);
    let unknown = Context { local_now: None, ..context() };
    let read = |text: &str| {
        let tokens = tokens(text);
        Entities::default().exactly(Kind::Date, &tokens, 0..tokens.len(), &unknown)
    };
    assert_eq!(read("tomorrow"), None);
    assert_eq!(read("may 3rd"), None);
    assert_eq!(read("may 3rd 2027"), Some(Value::Date("2027-05-03".into())));
}

#[test]
fn distances_become_metres_and_speeds_kilometres_an_hour() {
    check(
        Kind::Distance,
        &[
            ("2 kilometres", "2000"),
            ("2 km", "2000"),
            ("2km", "2000"),
            ("two kilometers", "2000"),
            ("five miles", "8046.72"),
            ("a mile", "1609.344"),
            ("half a mile", "804.672"),
            ("a mile and a half", "2414.016"),
            ("500 m", "500"),
            ("100 yards", "91.44"),
            ("ten feet", "3.048"),
            ("5", "-"),
        ],
    );
    check(
        Kind::Speed,
        &[
            ("50 mph", "80.47"),
            ("80 km/h", "80"),
            ("80 kph", "80"),
            ("a hundred kilometres an hour", "100"),
            ("sixty miles per hour", "96.56"),
            ("120", "120"),
            ("10 m/s", "36"),
            ("fast", "-"),
        ],
    );
}

#[test]
fn colours_and_switch_states_are_read() {
    check(
        Kind::Colour,
        &[
            ("red", "#ff0000"),
            ("light blue", "#add8e6"),
            ("gray", "#808080"),
            ("warm white", "#fff4e5"),
            ("loud", "-"),
        ],
    );
    check(
        Kind::Boolean,
        &[("on", "true"), ("Off", "false"), ("yeah", "true"), ("no", "false"), ("maybe", "-")],
    );
}

#[test]
fn zones_are_read_as_the_speaker_means_them() {
    check(
        Kind::Zone,
        &[
            ("driver", "row1-driver"),
            ("the driver's side", "row1-driver"),
            ("drivers seat", "row1-driver"),
            ("passenger side", "row1-passenger"),
            ("the front passenger", "row1-passenger"),
            ("my side", "row2-passenger"),
            ("me", "row2-passenger"),
            ("here", "row2-passenger"),
            ("front", "row1"),
            ("the front seats", "row1"),
            ("driver and passenger", "row1"),
            ("the back", "row2"),
            ("rear", "row2"),
            ("back seats", "row2"),
            ("second row", "row2"),
            ("the kids", "row2"),
            ("third row", "row3"),
            ("rear left", "row2-driver"),
            ("the right rear seat", "row2-passenger"),
            ("left side", "row1-driver"),
            ("front right", "row1-passenger"),
            ("my wife", "row1-passenger"),
            ("everyone", "all"),
            ("everywhere", "all"),
            ("the whole car", "all"),
            ("all", "all"),
            ("the moon", "-"),
        ],
    );
    let right_hand = Context { driver_left: false, ..context() };
    let tokens = Tokens::read("rear left");
    let zone = Entities::default().exactly(Kind::Zone, &tokens, 0..2, &right_hand);
    assert_eq!(zone, Some(Value::Zone(Zone::Seat(2, Side::Passenger))));
}

fn with_list() -> (Entities, Kind) {
    let skill = SkillId::parse("org.example.media").expect("an id");
    let values = [
        ("radio-paradise", vec!["Paradise"]),
        ("bluetooth", vec!["BT", "phone"]),
        ("bbc one", vec![]),
        ("bbc two", vec![]),
    ];
    let list = ListedEntity {
        values: values
            .into_iter()
            .map(|(value, all)| (value.to_owned(), all.into_iter().map(str::to_owned).collect()))
            .collect(),
    };
    let vocabulary = Vocabulary::from([(
        "station".to_owned(),
        vec![("id-77".to_owned(), vec!["Café del Mar".to_owned()])],
    )]);
    let mut entities = Entities::default();
    entities
        .add_skill(&skill, &BTreeMap::from([("station".to_owned(), list)]), &vocabulary)
        .expect("few phrases");
    let kind = entities.kind(&skill, &EntityKind::Listed("station".into())).expect("a kind");
    (entities, kind)
}

#[test]
fn listed_values_are_found_exactly_and_by_near_spelling() {
    let (entities, kind) = with_list();
    let resolve = |text: &str| entities.resolve(kind, text, &context()).map(|v| v.to_string());
    for (text, expected) in [
        ("radio paradise", Some("radio-paradise")),
        ("Paradise", Some("radio-paradise")),
        ("the paradises", Some("radio-paradise")),
        ("radioparadise", Some("radio-paradise")),
        ("radio paradice", Some("radio-paradise")),
        ("blue tooth", Some("bluetooth")),
        ("bluetoth", Some("bluetooth")),
        ("my phone", Some("bluetooth")),
        ("cafe del mar", Some("id-77")),
        ("bbc one", Some("bbc one")),
        ("bbc", None),
        ("bt", Some("bluetooth")),
        ("bd", None),
        ("jazz", None),
        ("", None),
    ] {
        assert_eq!(resolve(text).as_deref(), expected, "{text:?}");
    }
    let tokens = Tokens::read("play radio paradice");
    assert!(entities.find_at(kind, &tokens, 1, &context()).is_empty(), "templates match exactly");
}

#[test]
fn spans_with_words_around_resolve_to_the_value() {
    let entities = Entities::default();
    for (kind, text, expected) in [
        (Kind::Temperature, "to about 22 degrees", Some("22")),
        (Kind::Zone, "for my wife", Some("row1-passenger")),
        (Kind::Zone, "on the passenger side too", Some("row1-passenger")),
        (Kind::Duration, "for the next five minutes", Some("300000 ms")),
        (Kind::Time, "at half past six", Some("06:30")),
        (Kind::Percentage, "by 20 percent", Some("20")),
        (Kind::Number, "level 3", Some("3")),
        (Kind::Text, " Baker Street ", Some("Baker Street")),
        (Kind::Number, "between 3 and 7", None),
    ] {
        let got = entities.resolve(kind, text, &context()).map(|value| value.to_string());
        assert_eq!(got.as_deref(), expected, "{kind:?} {text:?}");
    }
}

#[test]
fn every_example_is_a_value_of_its_kind() {
    let now = context();
    for kind in [
        Kind::Number,
        Kind::Ordinal,
        Kind::Percentage,
        Kind::Temperature,
        Kind::Duration,
        Kind::Time,
        Kind::Date,
        Kind::Distance,
        Kind::Speed,
        Kind::Colour,
        Kind::Zone,
        Kind::Boolean,
    ] {
        let entities = Entities::default();
        assert!(!entities.examples(kind).is_empty());
        for text in entities.examples(kind) {
            assert!(whole(kind, text).is_some(), "{kind:?} {text:?}");
            assert!(entities.resolve(kind, text, &now).is_some(), "{kind:?} {text:?}");
        }
    }
}

const KINDS: [Kind; 13] = [
    Kind::Number,
    Kind::Ordinal,
    Kind::Percentage,
    Kind::Temperature,
    Kind::Duration,
    Kind::Time,
    Kind::Date,
    Kind::Distance,
    Kind::Speed,
    Kind::Colour,
    Kind::Zone,
    Kind::Boolean,
    Kind::Text,
];

fn speech() -> impl Strategy<Value = String> {
    let words = [
        "twenty",
        "two",
        "and",
        "a",
        "half",
        "quarter",
        "minus",
        "point",
        "hundred",
        "thousand",
        "minutes",
        "hour",
        "of",
        "an",
        "°",
        "%",
        "7:30",
        "pm",
        "past",
        "to",
        "next",
        "friday",
        "the",
        "3rd",
        "may",
        "in",
        "days",
        "km",
        "mile",
        "per",
        "driver's",
        "side",
        "rear",
        "left",
        "1h30",
        "-5",
        "999999999999",
        "é",
        "½",
        "2026",
        "31",
        "february",
        "weeks",
        "from",
        "now",
        "million",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..10)
        .prop_map(|all| all.join(" "))
}

proptest! {
    #[test]
    fn any_speech_gives_values_within_the_text(text in prop_oneof![speech(), "\\PC{0,40}"]) {
        let tokens = Tokens::read(&text);
        for token in tokens.list() {
            prop_assert!(token.start <= token.end);
            prop_assert!(text.get(token.start as usize..token.end as usize).is_some());
        }
        let entities = Entities::default();
        for kind in KINDS {
            for start in 0..=tokens.len() {
                for found in entities.find_at(kind, &tokens, start, &context()) {
                    prop_assert!(found.tokens.start == start && found.tokens.end <= tokens.len() && !found.tokens.is_empty());
                    if let Value::Number(v) | Value::Temperature(v) | Value::Percentage(v) | Value::Distance(v) | Value::Speed(v) = found.value {
                        prop_assert!(v.is_finite());
                    }
                }
            }
            let _ = entities.resolve(kind, &text, &context());
        }
    }

    #[test]
    fn reading_a_value_again_gives_the_same_value(text in speech()) {
        let tokens = Tokens::read(&text);
        let entities = Entities::default();
        for kind in KINDS {
            for found in entities.find_all(kind, &tokens, &context()) {
                let again = entities.resolve(kind, tokens.words(found.tokens.clone()), &context());
                prop_assert_eq!(again, Some(found.value), "{:?} {:?}", kind, tokens.words(found.tokens));
            }
        }
    }
}
