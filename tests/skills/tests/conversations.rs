//! What takes more than one sentence, or more than one command in one: real skills, real
//! dialogue, real understanding, one car.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};
use valet_core::{
    ports::Vehicle as _,
    signal::{SignalPath, SignalValue},
    zone::Zone,
};
use valet_skills_tests::{Conversation, House, Templates};

/// One house, one conversation at a time.
fn house() -> MutexGuard<'static, House> {
    static HOUSE: OnceLock<Mutex<House>> = OnceLock::new();
    let house = HOUSE.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..");
        Mutex::new(House::open(&root, &target).unwrap_or_else(|e| panic!("{e}")))
    });
    house.lock().unwrap_or_else(PoisonError::into_inner)
}

fn talk(house: &mut House) -> Conversation<'_> {
    Conversation::begin(house, Templates::On, Zone::DRIVER)
}

/// Says something and returns the words of the answer.
fn say(talk: &mut Conversation<'_>, text: &str) -> String {
    let heard = talk.say(text).unwrap_or_else(|| panic!("{text:?} came to no end"));
    assert!(heard.faults.is_empty(), "{text:?}: {:?}", heard.faults);
    heard.result.speech
}

fn path(path: &str) -> SignalPath {
    SignalPath::parse(path).unwrap_or_else(|e| panic!("{e}"))
}

fn set(talk: &Conversation<'_>, signal: &str, value: SignalValue) {
    talk.house().car.simulator().set(&path(signal), &value).unwrap_or_else(|e| panic!("{e}"));
}

/// The targets written since the last look, as `leaf of the path = value`.
fn written(talk: &Conversation<'_>) -> Vec<String> {
    let written = talk.house().car.take_written();
    written.into_iter().map(|(path, value)| format!("{path} = {value}")).collect()
}

#[test]
fn a_timer_is_set_asked_held_resumed_and_rings_by_its_name() {
    let mut house = house();
    let talk = &mut talk(&mut house);
    assert_eq!(
        say(talk, "set a pasta timer for eight minutes"),
        "Your pasta timer is set for 8 minutes."
    );
    assert_eq!(say(talk, "set a timer for ten minutes"), "Your timer is set for 10 minutes.");
    assert!(talk.pass(Duration::from_secs(60)).is_empty());
    let left = say(talk, "how much time is left on the pasta timer");
    assert!(left.contains("7 minutes"), "{left}");
    say(talk, "pause the pasta timer");
    assert!(talk.pass(Duration::from_secs(30 * 60)).iter().all(|said| !said.contains("asta")));
    say(talk, "resume the pasta timer");
    say(talk, "add one minute to the pasta timer");
    assert!(talk.pass(Duration::from_secs(7 * 60)).is_empty());
    let rung = talk.pass(Duration::from_secs(60));
    assert!(rung.len() == 1 && rung[0].contains("pasta"), "{rung:?}");
    assert_eq!(say(talk, "what timers are running"), "There is no timer.");
}

#[test]
fn all_timers_are_cancelled_at_once() {
    let mut house = house();
    let talk = &mut talk(&mut house);
    say(talk, "set an egg timer for five minutes");
    say(talk, "set a tea timer for three minutes");
    say(talk, "delete all timers");
    assert!(talk.house().desk.alarms().is_empty());
    assert!(talk.pass(Duration::from_secs(600)).is_empty());
}

#[test]
fn a_timer_asks_for_how_long_and_takes_the_answer() {
    let mut house = house();
    let talk = &mut talk(&mut house);
    assert_eq!(say(talk, "start a timer"), "For how long?");
    assert_eq!(say(talk, "five minutes"), "Your timer is set for 5 minutes.");
    assert_eq!(talk.house().desk.alarms().len(), 1);
}

#[test]
fn seven_in_the_evening_is_the_next_seven() {
    let mut house = house();
    let talk = &mut talk(&mut house);
    let ten = talk.house().desk.local_now();
    assert_eq!((ten.3, ten.4), (10, 0));
    talk.pass(Duration::from_secs(8 * 3600));
    let said = say(talk, "set my alarm for seven");
    let alarms = talk.house().desk.alarms();
    let wait = alarms.first().map(|alarm| alarm.at_utc_ms).unwrap_or_default();
    let hour_ms = 3_600_000;
    let now = 1_780_383_600_000 + 8 * hour_ms;
    // It is six in the evening: seven is in the morning for an alarm unless the evening is said.
    assert_eq!((wait - now) / hour_ms, 13, "{said}");
    assert_eq!(say(talk, "set an alarm for seven pm"), "Your alarm is set for 19:00.");
}

#[test]
fn an_alarm_rings_and_snoozes() {
    let mut house = house();
    let talk = &mut talk(&mut house);
    say(talk, "wake me at 10:30");
    assert_eq!(talk.pass(Duration::from_secs(30 * 60)).len(), 1);
    let said = say(talk, "snooze for five minutes");
    assert!(said.contains("5 minutes") || said.contains("10:35"), "{said}");
    assert!(talk.pass(Duration::from_secs(4 * 60)).is_empty());
    assert_eq!(talk.pass(Duration::from_secs(60)).len(), 1);
}

#[test]
fn two_things_are_opened_with_one_verb() {
    let mut house = house();
    let talk = &mut talk(&mut house);
    let said = say(talk, "open the windows and the sunroof");
    let written = written(talk);
    let windows = written.iter().filter(|w| w.contains("Window.Position = 100")).count();
    assert_eq!(windows, 4, "{said} {written:?}");
    assert!(written.iter().any(|w| w.contains("Sunroof.Switch")), "{said} {written:?}");
}

#[test]
fn two_commands_of_two_skills_run_in_order() {
    let mut house = house();
    let talk = &mut talk(&mut house);
    let said = say(talk, "turn on the radio and set the temperature to 23 degrees");
    let written = written(talk);
    assert!(written[0].contains("Media.Played.Source = FM"), "{said} {written:?}");
    assert!(written.last().is_some_and(|w| w.ends_with("Temperature = 23")), "{said} {written:?}");
}

#[test]
fn the_passenger_too_and_then_undone() {
    let mut house = house();
    let talk = &mut talk(&mut house);
    assert_eq!(
        say(talk, "set the temperature to 23 degrees"),
        "The driver's side is set to 23 degrees."
    );
    let said = say(talk, "and the passenger side too");
    assert_eq!(said, "The passenger's side is set to 23 degrees.");
    written(talk);
    assert_eq!(say(talk, "undo that"), "I put it back.");
    assert_eq!(written(talk), ["Vehicle.Cabin.HVAC.Station.Row1.Passenger.Temperature = 21"]);
}

#[test]
fn close_it_without_a_question_is_no_yes() {
    let mut house = house();
    let talk = &mut talk(&mut house);
    let heard = talk.say("close it").expect("an end");
    assert_eq!(heard.understanding.act, None);
    assert!(written(talk).is_empty());
}

#[test]
fn a_window_is_confirmed_while_driving_and_a_no_leaves_it() {
    let mut house = house();
    let talk = &mut talk(&mut house);
    set(talk, "Vehicle.Speed", SignalValue::Float(50.0));
    let heard = talk.say("open the window").expect("an end");
    assert!(heard.asks("confirm"), "{}", heard.result.speech);
    say(talk, "no");
    assert!(written(talk).is_empty());
    talk.say("open the window");
    say(talk, "yes");
    assert_eq!(written(talk), ["Vehicle.Cabin.Door.Row1.DriverSide.Window.Position = 100"]);
}

#[test]
fn the_boot_stays_closed_while_driving() {
    let mut house = house();
    let talk = &mut talk(&mut house);
    set(talk, "Vehicle.Speed", SignalValue::Float(50.0));
    let heard = talk.say("open the boot").expect("an end");
    assert_eq!(heard.result.kind.name(), "refusal", "{}", heard.result.speech);
    assert!(written(talk).is_empty());
}

#[test]
fn muting_keeps_the_volume_for_later() {
    let mut house = house();
    let talk = &mut talk(&mut house);
    say(talk, "set the volume to 45 percent");
    say(talk, "mute");
    let volume = path("Vehicle.Cabin.Infotainment.Media.Volume");
    let now = talk.house().car.read(&volume).ok().flatten();
    assert_eq!(now.and_then(|v| v.as_number()), Some(0.0));
    say(talk, "unmute");
    let now = talk.house().car.read(&volume).ok().flatten();
    assert_eq!(now.and_then(|v| v.as_number()), Some(45.0));
}

#[test]
fn a_stop_comes_before_the_destination() {
    let mut house = house();
    let talk = &mut talk(&mut house);
    say(talk, "navigate to turku");
    let said = say(talk, "stop at a pharmacy on the way");
    assert!(said.contains("Turku"), "{said}");
    let said = say(talk, "skip the next stop");
    assert!(said.contains("Turku"), "{said}");
    let latitude = path("Vehicle.Cabin.Infotainment.Navigation.DestinationSet.Latitude");
    let now = talk.house().car.read(&latitude).ok().flatten().and_then(|v| v.as_number());
    assert!(now.is_some_and(|now| (now - 60.45148).abs() < 1e-5), "{now:?}");
}

#[test]
fn a_short_name_is_not_taken_for_a_town_far_away() {
    let mut house = house();
    let talk = &mut talk(&mut house);
    let said = say(talk, "how far away is the moon");
    assert_eq!(said, "I cannot find the moon on the offline map.");
}

#[test]
fn music_by_name_is_not_claimed_to_play() {
    let mut house = house();
    let talk = &mut talk(&mut house);
    let said = say(talk, "play some jazz");
    assert!(said.starts_with("I cannot look up music"), "{said}");
    assert!(written(talk).is_empty());
}
