//! What takes more than one sentence, or more than one command in one: real skills, real
//! dialogue, real understanding, one car.

use std::time::Duration;
use valet_core::{ports::Vehicle as _, signal::SignalValue};
use valet_skills_tests::{
    Conversation,
    talking::{house, path, say, set, talk, written},
};

#[test]
fn a_timer_is_set_asked_held_resumed_and_rings_by_its_name() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
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
fn a_car_that_shows_fahrenheit_is_answered_in_fahrenheit() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    let unit = SignalValue::Text("F".to_owned());
    set(talk, "Vehicle.Cabin.Infotainment.HMI.TemperatureUnit", unit);
    assert_eq!(
        say(talk, "set the temperature to 70 degrees"),
        "The driver's side is set to 70 degrees Fahrenheit."
    );
    let too_hot = say(talk, "set the temperature to 99 fahrenheit");
    assert!(too_hot.contains("86 degrees Fahrenheit"), "{too_hot}");
}

#[test]
fn all_timers_are_cancelled_at_once() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    say(talk, "set an egg timer for five minutes");
    say(talk, "set a tea timer for three minutes");
    say(talk, "delete all timers");
    assert!(talk.house().desk.alarms().is_empty());
    assert!(talk.pass(Duration::from_secs(600)).is_empty());
}

#[test]
fn a_timer_asks_for_how_long_and_takes_the_answer() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    assert_eq!(say(talk, "start a timer"), "For how long?");
    assert_eq!(say(talk, "five minutes"), "Your timer is set for 5 minutes.");
    assert_eq!(talk.house().desk.alarms().len(), 1);
}

#[test]
fn seven_in_the_evening_is_the_next_seven() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
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
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
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
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    let said = say(talk, "open the windows and the sunroof");
    let written = written(talk);
    let windows = written.iter().filter(|w| w.contains("Window.Position = 100")).count();
    assert_eq!(windows, 4, "{said} {written:?}");
    assert!(written.iter().any(|w| w.contains("Sunroof.Switch")), "{said} {written:?}");
}

#[test]
fn two_commands_of_two_skills_run_in_order() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    let said = say(talk, "turn on the radio and set the temperature to 23 degrees");
    let written = written(talk);
    assert!(written[0].contains("Media.Played.Source = FM"), "{said} {written:?}");
    assert!(written.last().is_some_and(|w| w.ends_with("Temperature = 23")), "{said} {written:?}");
}

#[test]
fn the_passenger_too_and_then_undone() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
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
fn a_boot_that_may_not_open_holds_back_what_is_asked_before_it() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    set(talk, "Vehicle.Cabin.HVAC.IsAirConditioningActive", SignalValue::Boolean(true));
    set(talk, "Vehicle.Speed", SignalValue::Float(80.0));
    let said = say(talk, "turn off the AC and open the boot");
    assert!(said.starts_with("The boot opens only when the car stands still."), "{said}");
    assert_eq!(written(talk), Vec::<String>::new());
}

#[test]
fn a_sunroof_does_not_open_behind_a_shade_that_closes() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    let shade = "Vehicle.Cabin.Sunroof.Shade.Position";
    for before in [0, 100] {
        set(talk, shade, SignalValue::Integer(before));
        let said = say(talk, "open the sunroof and close the sunroof shade");
        assert_eq!(written(talk), Vec::<String>::new(), "{said}");
    }
}

#[test]
fn the_next_song_is_played_as_often_as_it_is_asked_for_and_cannot_be_undone() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    say(talk, "next song");
    say(talk, "next song");
    let skip = "Vehicle.Cabin.Infotainment.Media.Action = SKIP_FORWARD";
    assert_eq!(written(talk), [skip, skip]);
    assert_eq!(say(talk, "undo"), "I cannot undo that.");
    assert_eq!(written(talk), Vec::<String>::new());
    say(talk, "set a timer for five minutes");
    assert_eq!(say(talk, "undo"), "I cannot undo that.");
    assert_eq!(talk.house().desk.alarms().len(), 1);
}

#[test]
fn a_neighbouring_town_is_another_destination() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    say(talk, "navigate to helsinki");
    assert_eq!(written(talk).len(), 2);
    let said = say(talk, "navigate to espoo");
    assert_eq!(written(talk).len(), 2, "{said}");
}

#[test]
fn a_confirmation_names_what_a_yes_would_do() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    assert_eq!(
        say(talk, "unlock the doors"),
        "Anybody could then open the doors. Shall I unlock the doors?"
    );
    assert_eq!(say(talk, "no wait"), "Okay, I left it.");
    set(talk, "Vehicle.Speed", SignalValue::Float(50.0));
    assert_eq!(
        say(talk, "open the window"),
        "The car is moving. Shall I open the window of the driver's side?"
    );
    assert_eq!(say(talk, "wait, cancel that"), "Okay, I left it.");
    assert_eq!(written(talk), Vec::<String>::new());
}

#[test]
fn close_it_without_a_question_is_no_yes() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    let heard = talk.say("close it").expect("an end");
    assert_eq!(heard.understanding.act, None);
    assert!(written(talk).is_empty());
}

#[test]
fn a_window_is_confirmed_while_driving_and_a_no_leaves_it() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
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
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    set(talk, "Vehicle.Speed", SignalValue::Float(50.0));
    let heard = talk.say("open the boot").expect("an end");
    assert_eq!(heard.result.kind.name(), "refusal", "{}", heard.result.speech);
    assert!(written(talk).is_empty());
}

#[test]
fn muting_keeps_the_volume_for_later() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
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
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
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
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    let said = say(talk, "how far away is the moon");
    assert_eq!(said, "I cannot find the moon on the offline map.");
}

#[test]
fn music_by_name_is_not_claimed_to_play() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    let said = say(talk, "play some jazz");
    assert!(said.starts_with("I cannot look up music"), "{said}");
    assert!(written(talk).is_empty());
}

/// What a signal is set to.
fn number(talk: &Conversation<'_>, signal: &str) -> Option<f64> {
    talk.house().car.read(&path(signal)).ok().flatten().and_then(|value| value.as_number())
}

const VOLUME: &str = "Vehicle.Cabin.Infotainment.Media.Volume";
const DRIVER_TEMPERATURE: &str = "Vehicle.Cabin.HVAC.Station.Row1.Driver.Temperature";
const DRIVER_FAN: &str = "Vehicle.Cabin.HVAC.Station.Row1.Driver.FanSpeed";

#[test]
fn up_is_up_and_down_is_down_whatever_was_said_before() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    say(talk, "set the volume to 40");
    say(talk, "turn it up");
    let louder = number(talk, VOLUME).expect("a volume");
    assert!(louder > 40.0);
    say(talk, "turn it down a bit");
    let softer = number(talk, VOLUME).expect("a volume");
    assert!(softer < louder);
    say(talk, "turn it up a bit");
    assert!(number(talk, VOLUME).is_some_and(|now| now > softer));
}

#[test]
fn it_is_what_was_spoken_of_last() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    say(talk, "turn the volume down to 20");
    say(talk, "set it to 30");
    say(talk, "make it 35");
    assert_eq!(number(talk, VOLUME), Some(35.0));
    assert_eq!(number(talk, DRIVER_TEMPERATURE), Some(21.0));
    say(talk, "set the fan to 2");
    say(talk, "make it 4");
    assert_eq!(number(talk, DRIVER_FAN), Some(80.0));
    assert_eq!(number(talk, DRIVER_TEMPERATURE), Some(21.0));
}

#[test]
fn a_timer_is_made_longer_instead_of_a_second_one() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    say(talk, "set a timer for 10 minutes");
    talk.pass(Duration::from_secs(20));
    assert_eq!(say(talk, "make it 15"), "Your timer has 14 minutes 40 seconds left now.");
    assert_eq!(talk.house().desk.alarms().len(), 1);
    assert_eq!(say(talk, "make it 10 seconds"), "It has run for longer than that already.");
}

#[test]
fn what_was_opened_is_closed_as_it() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    say(talk, "open the rear left window a bit");
    written(talk);
    say(talk, "close it");
    assert_eq!(written(talk), ["Vehicle.Cabin.Door.Row2.DriverSide.Window.Position = 0"]);
    say(talk, "open the sunroof a little and then close it");
    let written = written(talk);
    let roof: Vec<&String> = written.iter().filter(|w| w.contains("Sunroof.Switch")).collect();
    assert_eq!(roof.len(), 2, "{written:?}");
    assert!(roof[0].ends_with("TILT_UP") && roof[1].ends_with("CLOSE"), "{written:?}");
}

#[test]
fn one_verb_switches_off_both() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    say(talk, "turn on the AC and the radio");
    written(talk);
    say(talk, "turn off the AC and the radio");
    let written = written(talk);
    assert!(written.iter().any(|w| w.ends_with("IsAirConditioningActive = false")), "{written:?}");
    assert!(!written.iter().any(|w| w.contains("Source = FM")), "{written:?}");
}

#[test]
fn two_timers_of_one_sentence_have_their_own_lengths() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    let said = say(talk, "set a pizza timer for 12 minutes and an egg timer for 4 minutes");
    assert_eq!(
        said,
        "Your pizza timer is set for 12 minutes. Your egg timer is set for 4 minutes."
    );
}

#[test]
fn amounts_are_taken_as_they_were_said() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    for (text, length) in [
        ("set a timer for a quarter of an hour", "15 minutes"),
        ("set a timer for three quarters of an hour", "45 minutes"),
        ("set a timer for 3/4 hour", "45 minutes"),
        ("set a timer for 1 hour 20 minutes and 30 seconds", "1 hour 20 minutes 30 seconds"),
    ] {
        assert_eq!(say(talk, text), format!("Your timer is set for {length}."), "{text:?}");
    }
    for (text, celsius) in [
        ("set the temperature to 22,5", 22.5),
        ("turn it down by one and a half degrees", 21.0),
        ("raise the temperature by 5°F", 23.8),
        ("lower the temperature by 2 degrees celsius", 21.8),
        ("set the temperature to 22 no wait 23", 23.0),
    ] {
        say(talk, text);
        assert_eq!(number(talk, DRIVER_TEMPERATURE), Some(celsius), "{text:?}");
    }
    say(talk, "set the fan to half");
    assert_eq!(number(talk, DRIVER_FAN), Some(50.0));
    written(talk);
    assert!(say(talk, "fan to six").contains("five levels"));
    for text in ["open the window by minus 20 percent", "timer for minus 5 minutes"] {
        let _ = talk.say(text);
        assert!(written(talk).is_empty(), "{text:?}");
    }
    assert_eq!(talk.house().desk.alarms().len(), 4);
}

#[test]
fn a_third_side_is_a_side_too() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    say(talk, "set driver to 20 and passenger to 22 and rear to 23");
    let written = written(talk);
    assert!(written.iter().all(|w| w.contains("Temperature")), "{written:?}");
    assert!(written.iter().any(|w| w.contains("Row2") && w.ends_with("= 23")), "{written:?}");
}

#[test]
fn what_was_asked_for_is_asked_for_again_and_not_remembered() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    say(talk, "set the temperature to 23");
    written(talk);
    assert_eq!(say(talk, "set the temperature"), "What temperature would you like?");
    assert_eq!(say(talk, "on the passenger side"), "What temperature would you like?");
    assert!(written(talk).is_empty());
    say(talk, "19");
    assert_eq!(written(talk), ["Vehicle.Cabin.HVAC.Station.Row1.Passenger.Temperature = 19"]);
}

#[test]
fn the_passenger_window_instead_is_opened() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    say(talk, "open my window");
    written(talk);
    say(talk, "no the passenger window");
    assert_eq!(written(talk), ["Vehicle.Cabin.Door.Row1.PassengerSide.Window.Position = 100"]);
}

#[test]
fn too_many_commands_at_once_are_refused_as_a_whole() {
    let mut house = house(env!("CARGO_TARGET_TMPDIR"));
    let talk = &mut talk(&mut house);
    let text = "turn on the ac and turn on the radio and open the window and close the window and \
        turn off the ac and mute and set the volume to 20 and set a timer called tea for 3 \
        minutes and set the temperature to 22 and turn on the rear defroster";
    let heard = talk.say(text).expect("an end");
    assert_eq!((heard.result.kind.name(), heard.result.code), ("refusal", "too-many"));
    assert!(written(talk).is_empty() && talk.house().desk.alarms().is_empty());
}
