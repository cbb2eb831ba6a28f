//! The outer fence: the bus policy that is shipped, on both buses there are.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stderr)]

use futures_util::StreamExt as _;
use valet_bus::{BUS_NAME, ROOT, contract};
use valet_bus_tests::{ask, driver, stranger};
use valet_testkit::{Daemon, DaemonBuilder, KitError, PrivateBus, error_name, none, text, within};
use zbus::{Connection, names::WellKnownName};

const DENIED: &str = "org.freedesktop.DBus.Error.AccessDenied";
const EVERYBODY: &str = "[understanding]\nencoder = false\n[access]\nask = { everybody = true }\ncontrol = { users = [\"0\"] }\n";

/// What holds on a system bus, whichever it is.
async fn the_fence_holds(bus: &PrivateBus) {
    let daemon = DaemonBuilder::new(bus).system().config(EVERYBODY).start().await.unwrap();
    let ours = bus.connect().await.unwrap();
    let Some(theirs) = stranger(bus).await else { return };
    every_member_gets_through(&theirs).await;
    what_is_not_named_is_denied(&theirs).await;
    a_stranger_cannot_take_the_name(&theirs, daemon).await;
    nobody_but_the_daemon_calls_agents(&ours, &theirs).await;
}

/// The policy names every member; what the daemon then says is its own business.
async fn every_member_gets_through(client: &Connection) {
    for member in contract::MEMBERS {
        let answer = client
            .call_method(
                Some(BUS_NAME),
                ROOT,
                Some(member.interface),
                member.name,
                &("wrong", 7_u64, "arguments"),
            )
            .await;
        let name = error_name(&answer);
        assert!(
            name.starts_with("org.valetd.Error.") || name.contains("Unknown"),
            "{}: {name}",
            member.name
        );
        assert_ne!(name, DENIED, "{}.{} is denied by the policy", member.interface, member.name);
    }
    let assistant = Daemon::assistant(client).await.unwrap();
    assert_eq!(text(&ask(&assistant, "are the doors locked").await, "type"), "answer");
    assert_eq!(assistant.state().await.unwrap(), "ready");
    let forbidden = Daemon::simulator(client).await.unwrap().drive("city", none()).await;
    assert_eq!(
        error_name(&forbidden),
        "org.valetd.Error.NotAuthorized",
        "the bus lets it through, the daemon does not"
    );
}

async fn what_is_not_named_is_denied(client: &Connection) {
    for (interface, member) in [
        ("org.freedesktop.DBus.Properties", "Set"),
        ("org.valetd.Assistant1", "Dance"),
        ("org.valetd.Skills1", "Dance"),
        ("org.valetd.Models1", "Dance"),
        ("org.example.Other", "Do"),
    ] {
        let answer = client.call_method(Some(BUS_NAME), ROOT, Some(interface), member, &()).await;
        assert_eq!(error_name(&answer), DENIED, "{interface}.{member}");
    }
    let file = std::fs::File::open("/dev/null").unwrap();
    let with_descriptor = client
        .call_method(
            Some(BUS_NAME),
            ROOT,
            Some("org.valetd.Assistant1"),
            "Ask",
            &("lock the doors", zbus::Fd::from(std::os::fd::OwnedFd::from(file))),
        )
        .await;
    assert_eq!(error_name(&with_descriptor), DENIED, "no descriptor gets through");
}

async fn a_stranger_cannot_take_the_name(client: &Connection, daemon: Daemon) {
    daemon.kill().await.unwrap();
    let name = WellKnownName::try_from(BUS_NAME).unwrap();
    let refused = client.request_name(name).await;
    assert_eq!(error_name(&refused), DENIED);
}

async fn nobody_but_the_daemon_calls_agents(ours: &Connection, theirs: &Connection) {
    let agent = ours.unique_name().unwrap().clone();
    let refused = theirs
        .call_method(
            Some(agent.as_str()),
            "/org/valetd/test/agent",
            Some("org.valetd.Agent1"),
            "Release",
            &(),
        )
        .await;
    assert_eq!(error_name(&refused), DENIED);
}

#[tokio::test]
async fn the_shipped_policy_holds_on_dbus_daemon() {
    let bus = PrivateBus::system().await.unwrap();
    the_fence_holds(&bus).await;
}

#[tokio::test]
async fn the_shipped_policy_holds_on_dbus_broker() {
    let bus = match PrivateBus::broker().await {
        Ok(bus) => bus,
        Err(KitError::NeedsRoot { what }) => {
            eprintln!("not tested here: {what} needs the superuser");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    the_fence_holds(&bus).await;
}

#[tokio::test]
async fn a_conversation_works_on_dbus_broker() {
    let bus = match PrivateBus::broker().await {
        Ok(bus) => bus,
        Err(KitError::NeedsRoot { what }) => {
            eprintln!("not tested here: {what} needs the superuser");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let _daemon = DaemonBuilder::new(&bus).system().config(EVERYBODY).start().await.unwrap();
    let client = bus.connect().await.unwrap();
    let assistant = Daemon::assistant(&client).await.unwrap();
    assert_eq!(text(&ask(&assistant, "set the temperature to 22 degrees").await, "type"), "action");
    let object = assistant.submit("set the temperature to 23 degrees", driver()).await.unwrap();
    assert!(object.as_str().starts_with("/org/valetd/Assistant1/request/"));
    let (watcher, screen) = {
        let client = bus.connect().await.unwrap();
        let assistant = Daemon::assistant(&client).await.unwrap();
        (client, assistant)
    };
    let mut finished = screen.receive_turn_finished().await.unwrap();
    screen.observe(none()).await.unwrap();
    ask(&assistant, "are the doors locked").await;
    within("TurnFinished", finished.next()).await.unwrap();
    drop(watcher);
}
