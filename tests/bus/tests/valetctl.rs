//! `valetctl` as a person and a script use it: what it prints and how it ends.
#![allow(clippy::unwrap_used, missing_docs)]

use serde_json::Value;
use std::process::Command;
use valet_bus_tests::{Release, Scene, Shop, encoder_that_serves, small_skills};
use valet_testkit::{LIMIT, Packed, PrivateBus, Skills, Watched, built, models};

/// One command on a bus: exit code and what it printed.
async fn valetctl(bus: &PrivateBus, arguments: &[&str]) -> (i32, String) {
    let process = Watched::spawn(
        Command::new(built("valetctl").unwrap())
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env("HOME", "/nonexistent")
            .arg("--address")
            .arg(bus.address())
            .args(arguments),
    )
    .unwrap();
    let status = process.exited(LIMIT * 3).await.unwrap();
    (status.code().unwrap(), process.output())
}

async fn json(bus: &PrivateBus, arguments: &[&str]) -> (i32, Value) {
    let (code, output) = valetctl(bus, &[&["--json"], arguments].concat()).await;
    (
        code,
        serde_json::from_str(&output)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error} in {output}")),
    )
}

#[tokio::test]
async fn exit_codes_say_how_it_went() {
    let scene = Scene::set().await;
    for (arguments, expected) in [
        (&["ask", "set", "the", "temperature", "to", "22", "degrees"][..], 0),
        (&["ask", "set a timer"], 0),
        (&["ask", "five minutes"], 0),
        (&["ask", "what is the meaning of life"], 1),
        (&["ask"], 2),
        (&["--help"], 0),
        (&["ask", "lock the doors", "--language", "tlh"], 4),
        (&["trace", "t99999"], 4),
        (&["tour", "--script", "/nonexistent"], 5),
        (&["skills", "show", "nonsense"], 2),
    ] {
        let (code, output) = valetctl(&scene.bus, arguments).await;
        assert_eq!(code, expected, "{arguments:?}: {output}");
    }
    scene.daemon.kill().await.unwrap();
    let (code, output) = valetctl(&scene.bus, &["ask", "lock the doors"]).await;
    assert_eq!(code, 3);
    assert!(output.contains("valetd does not run") && output.contains("make run"), "{output}");
    scene.bus.kill();
    let (code, output) = valetctl(&scene.bus, &["stats"]).await;
    assert_eq!(code, 3, "{output}");
}

#[tokio::test]
async fn every_command_speaks_json_with_stable_keys() {
    let scene = Scene::set().await;
    let (code, result) = json(&scene.bus, &["ask", "set the temperature to 22 degrees"]).await;
    assert_eq!((code, result["type"].as_str()), (0, Some("action")));
    assert_eq!(result["actions"][0]["observed"], 22.0);
    let turn = result["turn"].as_str().unwrap();
    let (_, parsed) = json(&scene.bus, &["parse", "lock the doors"]).await;
    assert_eq!(parsed["commands"][0]["intent"], "org.valetd.body/lock-doors");
    let (_, skills) = json(&scene.bus, &["skills"]).await;
    assert_eq!(skills["skills"].as_array().unwrap().len(), 6);
    let (_, one) = json(&scene.bus, &["skills", "show", "climate"]).await;
    assert_eq!(one["Id"], "org.valetd.climate");
    let (_, off) = json(&scene.bus, &["skill", "disable", "media"]).await;
    assert_eq!(off["State"], "disabled");
    let (_, settings) = json(&scene.bus, &["settings", "timers", "snooze-minutes", "12"]).await;
    assert_eq!(settings["Settings"]["snooze-minutes"], 12.0);
    let (_, speed) = json(&scene.bus, &["signals", "Vehicle.Speed"]).await;
    assert_eq!(speed["Vehicle.Speed"], 0.0);
    let (_, set) = json(&scene.bus, &["signals", "set", "Vehicle.Speed", "30"]).await;
    assert_eq!(set["Vehicle.Speed"], 30.0);
    let (_, trace) = json(&scene.bus, &["trace", turn]).await;
    assert_eq!(trace["turn"], turn);
    let (_, stats) = json(&scene.bus, &["stats"]).await;
    assert!(stats["turns"].as_u64().unwrap() >= 1);
    let (_, undone) = json(&scene.bus, &["undo"]).await;
    assert!(undone["type"].is_string());
    let (_, stopped) = json(&scene.bus, &["stop"]).await;
    assert_eq!(stopped["stopped"], true);
    let (_, suggestions) = json(&scene.bus, &["suggest"]).await;
    assert!(!suggestions["suggestions"].as_array().unwrap().is_empty());
    let (code, doctor) = json(&scene.bus, &["doctor"]).await;
    assert_eq!((code, &doctor["faults"]), (0, &Value::from(0)), "{doctor:#}");
    scene.daemon.kill().await.unwrap();
    let (code, error) = json(&scene.bus, &["stats"]).await;
    assert_eq!((code, error["error"].as_str()), (3, Some("no-daemon")));
    assert!(error["advice"].as_str().unwrap().contains("make run"));
}

#[tokio::test]
async fn models_are_listed_verified_switched_and_rolled_back() {
    let (folder, skills) = (valet_bus_tests::models(&["first", "second"]), small_skills());
    let (from, small) = (folder.path().to_owned(), Skills::Folder(skills.path().to_owned()));
    let config = "[understanding]\nencoder = true\n";
    let scene = Scene::with(|b| {
        b.config(config).models(from).skills(small).shared_cache("testkit-cache-small")
    })
    .await;
    assert_eq!(encoder_that_serves(&scene.client).await, "first");
    let (code, list) = json(&scene.bus, &["models"]).await;
    let ids: Vec<&Value> =
        list["models"].as_array().unwrap().iter().map(|model| &model["Id"]).collect();
    assert_eq!((code, ids), (0, vec![&Value::from("first"), &Value::from("second")]));
    let (code, facts) = json(&scene.bus, &["models", "verify", "second"]).await;
    assert_eq!((code, &facts["ok"]), (0, &Value::Bool(true)), "{facts:#}");
    let (code, output) = valetctl(&scene.bus, &["models", "activate", "second"]).await;
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("verify") && output.contains("second serves"), "{output}");
    let (code, back) = json(&scene.bus, &["models", "rollback"]).await;
    assert_eq!((code, &back["model"]), (0, &Value::from("first")), "{back:#}");
    std::fs::write(folder.path().join("second/vocab.txt"), "[PAD]\n").unwrap();
    let (code, output) = valetctl(&scene.bus, &["models", "verify", "second"]).await;
    assert_eq!(code, 1, "{output}");
    assert!(output.contains("vocab.txt") && output.contains("6 bytes"), "{output}");
    let (code, result) = json(&scene.bus, &["models", "activate", "second"]).await;
    assert_eq!((code, &result["error"]), (1, &Value::from("org.valetd.Error.ModelError")));
    let (code, output) = valetctl(&scene.bus, &["models", "activate", "third"]).await;
    assert_eq!(code, 4, "{output}");
    assert!(output.contains("first, second") && output.contains("valetctl models"), "{output}");
    let (_, output) = valetctl(&scene.bus, &["models", "list"]).await;
    assert!(output.contains("first") && output.contains("ready"), "{output}");
    assert!(output.contains("failed"), "why the other one did not serve: {output}");
}

#[tokio::test]
async fn the_doctor_finds_a_daemon_that_is_not_there() {
    let bus = PrivateBus::session().await.unwrap();
    let (code, report) = json(&bus, &["doctor"]).await;
    assert_eq!(code, 1);
    let findings = report["findings"].as_array().unwrap();
    let name = findings.iter().find(|finding| finding["what"] == "name").unwrap();
    assert_eq!(name["level"], "fault");
    assert!(!name["advice"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn man_pages_completion_and_pictures_are_written() {
    let scene = Scene::set().await;
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let (code, output) = valetctl(&scene.bus, &["man", dir]).await;
    assert_eq!(code, 0, "{output}");
    let page = std::fs::read_to_string(folder.path().join("valetctl.1")).unwrap();
    assert!(page.contains("Exit codes"), "{page}");
    assert!(folder.path().join("valetctl-ask.1").exists());
    let (code, script) = valetctl(&scene.bus, &["completion", "bash"]).await;
    assert!(code == 0 && script.contains("valetctl"));
    scene.ask("set the temperature to 22 degrees").await;
    let svg = folder.path().join("turn.svg");
    let (code, output) = valetctl(&scene.bus, &["trace", "--svg", svg.to_str().unwrap()]).await;
    assert_eq!(code, 0, "{output}");
    let svg = std::fs::read_to_string(svg).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("set-temperature"), "{svg}");
}

#[tokio::test]
async fn the_guided_conversation_goes_as_it_should_on_the_shipped_skills() {
    let scene =
        Scene::with(|b| b.config("[understanding]\nencoder = true\n").models(models().unwrap()))
            .await;
    let (code, output) = valetctl(&scene.bus, &["tour"]).await;
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("21 of 21 as expected"), "{output}");
    assert!(!output.contains('\u{1b}'), "no colours where nobody looks");
}

#[tokio::test]
async fn a_tour_that_does_not_go_as_its_script_says_ends_with_1() {
    let scene = Scene::set().await;
    let script = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        script.path(),
        "[[step]]\nsay = \"lock the doors\"\nwhy = \"to fail\"\nexpect = { type = \"question\" }\n",
    )
    .unwrap();
    let (code, output) =
        valetctl(&scene.bus, &["tour", "--script", script.path().to_str().unwrap()]).await;
    assert_eq!(code, 1, "{output}");
    assert!(output.contains("expected question"), "{output}");
}

#[tokio::test]
async fn a_skill_is_installed_changed_and_removed_from_the_command_line() {
    let shop = Shop::open();
    let scene = Scene::with(|builder| shop.trusted_by(builder.skills(Skills::None))).await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, packed: &Packed| {
        let path = folder.path().join(name);
        std::fs::write(&path, &packed.bytes).unwrap();
        path.display().to_string()
    };
    let first = file("first.valet", &shop.sells(&Release::of(1)));
    let second = file("second.valet", &shop.sells(&Release::of(2)));
    let unsigned = file("unsigned.valet", &Release::of(3).packed());
    let (code, asked) = valetctl(&scene.bus, &["skill", "install", &first]).await;
    assert_eq!(code, 2, "nobody is there to be asked");
    assert!(asked.contains("location:*") && asked.contains("--grant-all"), "{asked}");
    let (code, said) =
        valetctl(&scene.bus, &["skill", "install", &first, "--yes", "--grant", "store:4096"]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("is installed") && said.contains("has it not"), "{said}");
    let (code, granted) = json(&scene.bus, &["skill", "grant", "lamp", "location:*"]).await;
    assert_eq!((code, &granted["Granted"]), (0, &serde_json::json!(["store:4096", "location:*"])));
    let (_, granted) = json(&scene.bus, &["skill", "revoke", "lamp", "store:4096"]).await;
    assert_eq!(granted["Granted"], serde_json::json!(["location:*"]));
    let (code, result) = json(&scene.bus, &["skill", "install", &second, "--yes"]).await;
    assert_eq!((code, &result["version"]), (0, &serde_json::json!("2.0.0")));
    let (_, back) = json(&scene.bus, &["skill", "rollback", "lamp"]).await;
    assert_eq!(back["Version"], "1.0.0");
    let (code, said) = valetctl(&scene.bus, &["skill", "install", &unsigned, "--yes"]).await;
    assert_eq!(code, 1);
    assert!(said.contains("nobody signed it"), "{said}");
    let (code, _) = json(&scene.bus, &["skill", "remove", "lamp"]).await;
    assert_eq!(code, 0);
    let (code, said) = valetctl(&scene.bus, &["skill", "remove", "lamp"]).await;
    assert_eq!(code, 4, "{said}");
}

#[tokio::test]
async fn listen_does_what_a_pipeline_would_do() {
    let scene = Scene::set().await;
    let lines = tempfile::NamedTempFile::new().unwrap();
    let heard = "~ set a\nset a timer\nfive minutes\n\n0.5: half | other\nare the doors locked\n";
    std::fs::write(lines.path(), heard).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "\"$1\" --address \"$2\" --json listen <\"$3\"", "sh"]);
    command.arg(built("valetctl").unwrap()).arg(scene.bus.address()).arg(lines.path());
    let process = Watched::spawn(&mut command).unwrap();
    assert!(process.exited(LIMIT * 3).await.unwrap().success(), "{}", process.output());
    let output = process.output();
    let events: Vec<Value> = output.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    let turn = ["result", "speak"];
    let expected = [&["partial"][..], &turn, &["open-microphone"], &turn, &turn].concat();
    assert_eq!(kinds, expected, "{output}");
    assert_eq!(events[1]["result"]["speech"], events[2]["text"]);
    assert_eq!(events[4]["result"]["type"], "action", "the answer to what was asked");
    assert!(output.contains("1 of 2 guesses have a score"), "{output}");
}
