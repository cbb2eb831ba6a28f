//! Who may change what is installed and what a skill may touch: by the rules of the configuration, and by polkit.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stderr)]

use std::collections::BTreeSet;
use valet_bus::{
    access::Right,
    proxies::{Options, SkillsProxy},
};
use valet_bus_tests::{Release, STRANGER, Shop, install, install_with, installed, stranger};
use valet_testkit::{
    Daemon, DaemonBuilder, KitError, Packed, Polkit, PrivateBus, Skills, error_name, none, text,
    within,
};
use zbus::{Connection, Variant};

const LAMP: &str = "org.example.lamp";
const DOORS: &str = "vehicle-actuate:Vehicle.Cabin.Door.Row1.DriverSide.IsLocked";
const WINDOW: &str = "vehicle-actuate:Vehicle.Cabin.Door.Row1.DriverSide.Window.Position";

#[test]
fn the_policy_file_and_the_code_name_the_same_actions() {
    let file = std::fs::read_to_string(valet_testkit::polkit_actions().unwrap()).unwrap();
    let in_file: BTreeSet<&str> =
        file.split("<action id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let in_code: BTreeSet<&str> = Right::ALL.into_iter().filter_map(Right::polkit_action).collect();
    assert_eq!(in_file, in_code);
    assert_eq!(in_code.len(), 6);
}

/// A daemon as on a system bus where a stranger holds `ask` and these rights, and the stranger.
struct Place {
    bus: PrivateBus,
    _daemon: Daemon,
    stranger: Connection,
    ours: Connection,
    shop: Shop,
}

impl Place {
    /// `None`, said aloud, where this process may not make a client of another user.
    async fn with(rights: &[&str], more: &str) -> Option<Self> {
        let bus = PrivateBus::session().await.unwrap();
        let shop = Shop::open();
        let stranger = stranger(&bus).await?;
        let held: String = rights
            .iter()
            .map(|right| format!("{right} = {{ users = [\"{STRANGER}\"] }}\n"))
            .collect();
        let config = format!(
            "[understanding]\nencoder = false\n{more}[access]\nask = {{ everybody = true }}\n{held}"
        );
        let builder = DaemonBuilder::new(&bus).system().config(&config).skills(Skills::None);
        let daemon = shop.trusted_by(builder).start().await.unwrap();
        let ours = bus.connect().await.unwrap();
        Some(Self { bus, _daemon: daemon, stranger, ours, shop })
    }

    /// How an installation by the stranger ends: `done`, or its error.
    async fn ends(&self, packed: &Packed, grants: &[&str], options: Options<'_>) -> String {
        // Whoever may install nothing at all is told by the call, anything else by its end.
        let (name, why) = match install_with(&self.stranger, packed, grants, options).await {
            Ok((0, _)) => return "done".to_owned(),
            Ok((_, result)) => {
                (text(&result, "error").to_owned(), text(&result, "message").to_owned())
            }
            Err(error) => (error_name(&Err::<(), _>(error.clone())), error.to_string()),
        };
        assert!(name.ends_with("NotAuthorized"), "{name}: {why}");
        let right = why.split("the right ").nth(1).unwrap_or_default();
        right.split(':').next().unwrap_or_default().to_owned()
    }

    fn lamp(&self, counter: u64) -> Packed {
        self.shop
            .sells(&Release::of(counter).asking("vehicle-actuate = [\"Vehicle.Cabin.Door.**\"]\n"))
    }
}

#[tokio::test]
async fn each_step_takes_its_own_right_by_the_rules() {
    let older = || Options::from([("allow-downgrade", Variant::from(true))]);
    for (rights, expected) in [
        (&[][..], "install-trusted"),
        (&["control", "install-untrusted", "remove", "downgrade"][..], "install-trusted"),
        (&["install-trusted"][..], "grant"),
        (&["install-trusted", "grant"][..], "grant-security"),
        (&["install-trusted", "grant", "grant-security"][..], "done"),
    ] {
        let Some(place) = Place::with(rights, "").await else { return };
        let grants = ["vehicle-read:Vehicle.Speed", WINDOW, DOORS];
        let ends = place.ends(&place.lamp(2), &grants, none()).await;
        assert_eq!(ends, expected, "{rights:?}");
        if expected == "done" {
            assert_eq!(place.ends(&place.lamp(1), &[], older()).await, "downgrade");
        }
    }
    let Some(place) = Place::with(&["install-trusted"], "").await else { return };
    assert_eq!(place.ends(&place.lamp(2), &[], none()).await, "done");
    let skills = SkillsProxy::new(&place.stranger).await.unwrap();
    let skill = installed(&place.stranger, LAMP).await;
    let denied = "org.valetd.Error.NotAuthorized";
    assert_eq!(error_name(&skills.remove(LAMP, none()).await), denied);
    assert_eq!(error_name(&skills.rollback(LAMP, none()).await), denied);
    assert_eq!(error_name(&skill.grant(&[WINDOW], none()).await), denied);
    assert_eq!(error_name(&skill.revoke(&[WINDOW], none()).await), denied);
    let file = place.lamp(3).file().unwrap();
    assert_eq!(error_name(&skills.inspect((&file).into(), none()).await), denied, "needs control");
    drop(place.bus);
}

#[tokio::test]
async fn grants_of_class_security_and_of_unknown_signals_take_more_than_the_right_to_grant() {
    let Some(place) = Place::with(&["grant"], "").await else { return };
    let (code, result) = install(&place.ours, &place.lamp(2), &[]).await.unwrap();
    assert_eq!(code, 0, "{result:?}");
    let skill = installed(&place.stranger, LAMP).await;
    skill.grant(&["vehicle-read:Vehicle.Speed", WINDOW], none()).await.unwrap();
    for more in [
        DOORS,
        "vehicle-actuate:Vehicle.Cabin.Door.**",
        "vehicle-actuate:Vehicle.Cabin.Door.NoSuchThing",
    ] {
        let refused = skill.grant(&[more], none()).await;
        assert_eq!(error_name(&refused), "org.valetd.Error.NotAuthorized", "{more}");
    }
    assert_eq!(skill.granted().await.unwrap(), ["vehicle-read:Vehicle.Speed", WINDOW]);
}

#[tokio::test]
async fn an_unsigned_package_takes_its_own_right_in_developer_mode() {
    let developer = "[skills]\ndeveloper-mode = true\n";
    let comfort = {
        let folder = Release::of(1).folder();
        let file = folder.path().join("skill.toml");
        let text = std::fs::read_to_string(&file).unwrap().replace("\"body\"", "\"comfort\"");
        std::fs::write(file, text).unwrap();
        Packed::of(folder.path()).unwrap()
    };
    let Some(place) = Place::with(&["install-trusted"], developer).await else { return };
    assert_eq!(place.ends(&comfort, &[], none()).await, "install-untrusted");
    let Some(place) = Place::with(&["install-untrusted"], developer).await else { return };
    assert_eq!(place.ends(&place.lamp(1), &[], none()).await, "install-trusted");
    assert_eq!(place.ends(&comfort, &[], none()).await, "done");
}

#[tokio::test]
async fn polkit_gives_what_no_rule_of_ours_does() {
    let Some(place) = Place::with(&[], "").await else { return };
    let rules = "polkit.addRule(function(action, subject) {\n\
        if (action.id == 'org.valetd.skills.install-trusted') return polkit.Result.YES;\n\
        if (action.id == 'org.valetd.skills.remove') return polkit.Result.NO;\n\
        return polkit.Result.NOT_HANDLED;\n});\n";
    let _polkit = match Polkit::start(&place.bus, rules).await {
        Ok(polkit) => polkit,
        Err(error @ (KitError::NeedsRoot { .. } | KitError::Missing { .. })) => {
            eprintln!("not tested here: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    assert_eq!(place.ends(&place.lamp(1), &[], none()).await, "done");
    assert_eq!(place.ends(&place.lamp(2), &[WINDOW], none()).await, "grant", "needs a person");
    let skills = SkillsProxy::new(&place.stranger).await.unwrap();
    let refused = within("Remove", skills.remove(LAMP, none())).await;
    assert_eq!(error_name(&refused), "org.valetd.Error.NotAuthorized");
    assert!(refused.unwrap_err().to_string().contains("polkit says no"));
}
