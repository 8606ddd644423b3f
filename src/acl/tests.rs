//! Users by their rules, and what those allow.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

const GET: usize = 0;
const SET: usize = 1;
const CONFIG: usize = 2;
const CONFIG_GET: usize = 3;
const CONFIG_SET: usize = 4;
const SELECT: usize = 5;
const AUTH: usize = 6;
const PUBLISH: usize = 7;

/// A small table of commands.
static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let listed = |name: &str, parent, categories| Listed { name: name.into(), parent, categories };
    let admin = Categories::ADMIN.and(Categories::SLOW);
    Catalogue::new(vec![
        listed("get", None, Categories::READ.and(Categories::STRING)),
        listed("set", None, Categories::WRITE.and(Categories::STRING)),
        listed("config", None, Categories::SLOW),
        listed("config|get", Some(CONFIG), admin),
        listed("config|set", Some(CONFIG), admin),
        listed("select", None, Categories::CONNECTION),
        listed("auth", None, Categories::CONNECTION),
        listed("publish", None, Categories::PUBSUB),
    ])
});

static TERMS: LazyLock<Terms<'static>> =
    LazyLock::new(|| Terms { catalogue: &CATALOGUE, all_channels: false });

fn try_user(rules: &str) -> Result<User, RuleError> {
    let words: Vec<&[u8]> = rules.split(' ').map(str::as_bytes).collect();
    let mut user = User::new(b"alice", &TERMS);
    for rule in rule::joined(&words).expect("parentheses are closed") {
        user.apply(&rule, &TERMS)?;
    }
    Ok(user)
}

#[track_caller]
fn user(rules: &str) -> User {
    try_user(rules).expect("the rules are right")
}

#[track_caller]
fn check_line(rules: &str, line: &str) {
    assert_eq!(String::from_utf8_lossy(&user(rules).line()), format!("user alice {line}"), "{rules}");
}

/// What a test's request touches.
#[derive(Clone, Copy)]
enum Touch {
    Key(&'static str, Permission),
    Channel(&'static str),
    Pattern(&'static str),
    AnyKey,
}

fn ask(user: &User, command: usize, argument: &str, touches: &[Touch]) -> Result<(), Denied> {
    user.check(&Request {
        command,
        is_for_all: command == AUTH,
        argument: Some(argument.as_bytes()),
        touches: &|visit| {
            touches.iter().for_each(|touch| match *touch {
                Touch::Key(key, permission) => visit.key(key.as_bytes(), permission),
                Touch::Channel(channel) => visit.channel(channel.as_bytes(), false),
                Touch::Pattern(pattern) => visit.channel(pattern.as_bytes(), true),
                Touch::AnyKey => visit.any_key("BY"),
            });
        },
    })
}

fn reads(user: &User, key: &'static str) -> Result<(), Denied> {
    ask(user, GET, key, &[Touch::Key(key, Permission::READ)])
}

fn writes(user: &User, key: &'static str) -> Result<(), Denied> {
    ask(user, SET, key, &[Touch::Key(key, Permission::WRITE)])
}

fn no_key(key: &str) -> Result<(), Denied> {
    Err(Denied::Key(key.as_bytes().into()))
}

#[test]
fn a_new_user_may_do_nothing_but_log_in() {
    let nobody = user("");
    assert_eq!(reads(&nobody, "k"), Err(Denied::Command));
    assert_eq!(ask(&nobody, AUTH, "p", &[]), Ok(()));
    assert!(!nobody.knows(b"") && !nobody.is_all_powerful());
    check_line("", "off sanitize-payload resetchannels -@all");
}

#[test]
fn rules_are_told_as_they_were_given() {
    check_line("on nopass allkeys allchannels allcommands", "on nopass sanitize-payload ~* &* +@all");
    check_line("+@all -config +CONFIG|GET", "off sanitize-payload resetchannels +@all -config +config|get");
    check_line("+config|get -config", "off sanitize-payload resetchannels -@all -config");
    check_line("+get -get +get +@READ", "off sanitize-payload resetchannels -@all +get +@read");
    check_line("+select|0 +select|1", "off sanitize-payload resetchannels -@all +select|0 +select|1");
    check_line("+select|0 +select", "off sanitize-payload resetchannels -@all +select");
    check_line("%R~a %w~b %RW~c %R~d %W~d &x", "off sanitize-payload %R~a %W~b ~c ~d resetchannels &x -@all");
    check_line("%R~* ~a %W~*", "off sanitize-payload ~* resetchannels -@all");
    check_line(
        "skip-sanitize-payload (+get ~a) ( +set %W~b )",
        "off skip-sanitize-payload resetchannels -@all (~a resetchannels -@all +get) (%W~b resetchannels -@all +set)",
    );
    check_line("on +get ~a &b >p (+get) reset", "off sanitize-payload resetchannels -@all");
    check_line("(+get) (+set) clearselectors", "off sanitize-payload resetchannels -@all");
}

#[test]
fn wrong_rules_are_refused() {
    for (rules, error) in [
        ("frobnicate", RuleError::Syntax),
        (")", RuleError::Syntax),
        ("+", RuleError::UnknownCommand),
        ("-nosuch", RuleError::UnknownCommand),
        ("+@nosuch", RuleError::UnknownCommand),
        ("+config|nosuch", RuleError::UnknownCommand),
        ("+config|get|x", RuleError::ArgumentOfSubcommand),
        ("+select|", RuleError::Syntax),
        ("-select|0", RuleError::UnknownCommand),
        ("allkeys ~a", RuleError::KeysAfterAll),
        ("&* &a", RuleError::ChannelsAfterAll),
        ("%~a", RuleError::Syntax),
        ("%RR~a", RuleError::Syntax),
        ("%X~a", RuleError::Syntax),
        ("%RW", RuleError::Syntax),
        ("<never", RuleError::NoSuchPassword),
        ("#abc", RuleError::BadHash),
        ("!abc", RuleError::BadHash),
        ("(on)", RuleError::Syntax),
        ("((+get) +set)", RuleError::Syntax),
    ] {
        assert_eq!(try_user(rules), Err(error), "{rules}");
    }
    assert_eq!(rule::joined(&[b"+get", b"(+get", b"~a"]), Err(&b"(+get"[..]));
}

#[test]
fn passwords_come_and_go() {
    let alice = user("on >one >two >one");
    assert_eq!(alice.passwords().len(), 2);
    assert!(alice.knows(b"one") && alice.knows(b"two") && !alice.knows(b"three"));
    assert!(!user("on >one >two <one").knows(b"one"));
    assert!(user("on >one nopass").knows(b"anything"));
    assert!(!user("on nopass resetpass").knows(b"anything"));
    assert!(!user("on nopass >one").knows(b"anything"));
    assert!(!user("off >one").knows(b"one"));
    let hash = user(">one").passwords().remove(0);
    assert!(user(&format!("on #{hash}")).knows(b"one"));
    assert!(user(&format!("on >one !{hash}")).passwords().is_empty());
}

#[test]
fn commands_by_name_category_and_first_argument() {
    let may = |rules: &str, command, argument: &str| ask(&user(rules), command, argument, &[]).is_ok();
    assert!(may("+@string", GET, "k") && !may("+@string -@write", SET, "k"));
    assert!(may("+config", CONFIG_GET, "get") && !may("+config -config|set", CONFIG_SET, "set"));
    assert!(may("+config|get", CONFIG_GET, "get") && !may("+config|get", CONFIG, ""));
    assert!(may("+select|0", SELECT, "0") && !may("+select|0", SELECT, "1"));
    assert!(!may("+select|0 -select", SELECT, "0") && !may("+select|0 -@connection", SELECT, "0"));
    assert!(may("+@all -@admin", GET, "k") && !may("+@all -@admin", CONFIG_GET, "get"));
    // A category takes the subcommands of its containers along.
    assert!(may("+@slow", CONFIG_SET, "set"));
}

#[test]
fn keys_by_pattern_and_by_what_is_done_to_them() {
    let alice = user("+@all %R~r* %W~w* ~both");
    assert_eq!(reads(&alice, "r1"), Ok(()));
    assert_eq!(writes(&alice, "r1"), no_key("r1"));
    assert_eq!(reads(&alice, "w1"), no_key("w1"));
    assert_eq!(writes(&alice, "w1"), Ok(()));
    assert_eq!(ask(&alice, SET, "", &[Touch::Key("both", Permission::ALL)]), Ok(()));
    // What neither reads nor writes takes any permission, but it takes one.
    assert_eq!(ask(&alice, GET, "", &[Touch::Key("w1", Permission::NONE)]), Ok(()));
    assert_eq!(ask(&alice, GET, "", &[Touch::Key("x", Permission::NONE)]), no_key("x"));
    assert_eq!(ask(&alice, GET, "", &[Touch::AnyKey]), Err(Denied::Option("BY")));
    assert_eq!(ask(&user("+@all %R~*"), GET, "", &[Touch::AnyKey]), Ok(()));
    assert_eq!(ask(&user("+@all %W~*"), GET, "", &[Touch::AnyKey]), Err(Denied::Option("BY")));
}

#[test]
fn channels_by_pattern_and_patterns_letter_by_letter() {
    let alice = user("+@all ~* &news:*");
    assert_eq!(ask(&alice, PUBLISH, "", &[Touch::Channel("news:1")]), Ok(()));
    assert_eq!(
        ask(&alice, PUBLISH, "", &[Touch::Channel("other")]),
        Err(Denied::Channel(b"other"[..].into()))
    );
    assert_eq!(ask(&alice, PUBLISH, "", &[Touch::Pattern("news:*")]), Ok(()));
    assert!(ask(&alice, PUBLISH, "", &[Touch::Pattern("news:1*")]).is_err());
}

#[test]
fn one_selector_must_allow_all_of_it() {
    let alice = user("(+get %R~r*) (+set %W~w*)");
    assert_eq!(reads(&alice, "r"), Ok(()));
    assert_eq!(writes(&alice, "w"), Ok(()));
    assert_eq!(writes(&alice, "r"), no_key("r"));
    let keys = ["key", "other", "more"].map(|key| Touch::Key(key, Permission::READ));
    // Of several reasons, the one that got farthest is told.
    assert_eq!(ask(&user("+get ~key (+get ~key ~other)"), GET, "", &keys), no_key("more"));
    assert_eq!(ask(&user("+get ~key (+set ~*)"), GET, "", &keys), no_key("other"));
    assert!(user("(+@all ~* &*)").is_all_powerful() && !user("(+@all ~* &*) reset").is_all_powerful());
    assert!(!user("+@all ~* &* -get").is_all_powerful());
}

#[test]
fn lost_channels_are_noticed() {
    let before = user("&a &b (&c)");
    assert!(user("&a &b &c").allows_channels_of(&before));
    assert!(user("&*").allows_channels_of(&before));
    assert!(!user("&a &b").allows_channels_of(&before));
    assert!(!user("&a &b &c").allows_channels_of(&user("&*")));
}

fn registry() -> Acl {
    Acl::new(&CATALOGUE, 10)
}

#[test]
fn a_change_is_seen_by_who_is_logged_in() {
    let acl = registry();
    acl.set_user(b"alice", &[b"on", b">p", b"+@all", b"~*", b"&*"], Ok(())).expect("right rules");
    let account = acl.log_in(b"alice", b"p").expect("the right password");
    let mut login = Login::proven(account, &acl);
    assert!(login.is_free(&acl));
    acl.set_user(b"alice", &[b"-get"], Ok(())).expect("right rules");
    assert!(!login.is_free(&acl));
    assert_eq!(reads(login.user(&acl), "k"), Err(Denied::Command));
    acl.set_user(b"alice", &[b"+get"], Ok(())).expect("right rules");
    login.user(&acl);
    assert!(login.is_free(&acl));
    assert!(acl.delete(b"alice") && !acl.delete(b"alice"));
    assert!(!login.is_free(&acl) && login.user(&acl).is_gone());
    assert!(acl.log_in(b"alice", b"p").is_none());
}

#[test]
fn wrong_rules_change_nothing() {
    let acl = registry();
    let why = acl.set_user(b"bob", &[b"on", b"nonsense"], Ok(())).err();
    assert_eq!(why.as_deref(), Some("Error in ACL SETUSER modifier 'nonsense': Syntax error"));
    assert!(acl.user(b"bob").is_none());
    let why = acl.set_user(b"bob", &[b"(+get", b"~a"], Ok(())).err();
    assert_eq!(why.as_deref(), Some("Unmatched parenthesis in acl selector starting at '(+get'."));
}

#[test]
fn without_a_password_nobody_has_to_log_in() {
    let acl = registry();
    let mut early = Login::anonymous(&acl);
    assert!(early.is_free(&acl) && acl.user(DEFAULT_USER).is_some_and(|user| user.is_as_new("")));
    acl.set_default_password("p");
    let mut late = Login::anonymous(&acl);
    late.user(&acl);
    early.user(&acl);
    assert!(late.needs_password(&acl) && !late.is_free(&acl));
    // Who was there before goes on.
    assert!(!early.needs_password(&acl) && early.is_free(&acl));
    assert!(acl.user(DEFAULT_USER).is_some_and(|user| user.is_as_new("p") && !user.is_as_new("")));
    acl.set_default_password("");
    late.user(&acl);
    assert!(!late.needs_password(&acl) && late.is_free(&acl));
}

#[test]
fn what_is_switched_off_is_so_for_everyone() {
    let mut acl = registry();
    assert_eq!(acl.switch_off("nosuch", Off::Unknown), Err("there is no command 'nosuch'".into()));
    acl.switch_off("CONFIG", Off::Unknown).expect("a command of this table");
    assert_eq!((acl.switched_off(CONFIG_GET), acl.switched_off(GET)), (Some(Off::Unknown), None));
    assert!(!Login::anonymous(&acl).is_free(&acl));
}

#[test]
fn a_file_is_taken_whole_or_not_at_all() {
    let acl = registry();
    acl.set_user(b"old", &[b"on"], Ok(())).expect("right rules");
    let wrong = b"user alice on +get\n\nuser bob +nosuch\nalice\nuser alice\nuser eve (+get\nuser dan >p allkeys ~secret\n";
    let errors = acl.load(wrong, Ok(())).err();
    let Some(LoadError::Wrong(errors)) = errors else { panic!("wrong lines") };
    let errors: Vec<String> = errors.iter().map(FileError::to_string).collect();
    assert_eq!(
        errors,
        [
            "3: Error in applying operation '+nosuch': Unknown command or category name in ACL",
            "4: should start with user keyword followed by the username",
            "5: Duplicate user 'alice' found",
            "6: Unmatched parenthesis in selector definition",
            "7: user 'dan': Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have \
             any effect. Try 'resetkeys' to start with an empty list of patterns",
        ]
    );
    assert!(acl.user(b"old").is_some() && acl.user(b"alice").is_none());
    acl.set_default_password("p");
    let Loaded { default, others } =
        acl.load(b"user alice on +get (~a  +set)\r\n", Ok(())).expect("a right file");
    assert!(default.before.knows(b"p") && !default.before.nopass && default.after.nopass);
    assert_eq!(others, [b"old"[..].into()]);
    assert_eq!(acl.users().len(), 2);
    // The default user is in no line: as new.
    assert!(!acl.default_needs_password());
}

#[test]
fn the_default_user_keeps_its_password_where_it_must() {
    let acl = registry();
    acl.set_default_password("p");
    let no = || Err("strangers come here".to_owned());
    let why = "the default user would be without a password, but strangers come here";
    let lines = || acl.users().iter().map(|user| user.line()).collect::<Vec<_>>();
    let before = lines();
    let refused = acl.set_user(DEFAULT_USER, &[b"+get", b"nopass"], no()).err();
    assert_eq!(refused.as_deref(), Some(why));
    for file in [&b"user alice on\n"[..], b"user alice on\nuser default on nopass\n"] {
        assert!(matches!(acl.load(file, no()), Err(LoadError::Open(refused)) if refused == why));
    }
    assert!(lines() == before && acl.default_needs_password());
    // Nobody logs in as a user that is off, so that may be; but then it stays so.
    acl.set_user(DEFAULT_USER, &[b"off", b"nopass"], no()).expect("closed");
    assert!(acl.set_user(DEFAULT_USER, &[b"on"], no()).is_err());
    acl.set_user(b"alice", &[b"on", b"nopass"], no()).expect("she has to say who she is");
    acl.load(b"user default on >p\n", no()).map(|_| ()).expect("a password again");
    assert!(acl.default_needs_password());
}

/// Rules without an argument of the user's own.
const PLAIN: &[&str] = &[
    "on",
    "off",
    "nopass",
    "resetpass",
    "reset",
    "allkeys",
    "resetkeys",
    "allchannels",
    "resetchannels",
    "allcommands",
    "nocommands",
    "clearselectors",
    "sanitize-payload",
    "skip-sanitize-payload",
    "+@all",
    "-@all",
    "+@read",
    "-@string",
    "+@slow",
    "-@admin",
    "+get",
    "-get",
    "+config",
    "-config|set",
    "+config|get",
    "+select|0",
    "+select|x",
    "-select",
];

/// Rules that a user may have typed.
fn any_rule() -> impl Strategy<Value = String> {
    let word = prop_oneof!["[a-c*?\\[\\]\\\\()^-]{0,6}", Just("*".to_string())];
    let plain = prop::sample::select(PLAIN).prop_map(str::to_string);
    let sign = prop::sample::select(&["~", "%R~", "%W~", "%RW~", "&", ">", "<"][..]);
    prop_oneof![3 => plain, 2 => (sign, word).prop_map(|(sign, word)| format!("{sign}{word}"))]
}

fn any_user() -> impl Strategy<Value = User> {
    let selector = prop::collection::vec(any_rule(), 0..5).prop_map(|rules| format!("({})", rules.join(" ")));
    let rule = prop_oneof![4 => any_rule(), 1 => selector];
    prop::collection::vec(rule, 0..20).prop_map(|rules| {
        let mut user = User::new(b"alice", &TERMS);
        for rule in rules {
            // A rule that is refused may have been anything.
            let mut changed = user.clone();
            if changed.apply(rule.as_bytes(), &TERMS).is_ok() {
                user = changed;
            }
        }
        user
    })
}

proptest! {
    /// What ACL LIST and ACL SAVE write makes the same user again.
    #[test]
    fn a_line_makes_the_user_that_it_tells_of(user in any_user()) {
        let line = user.line();
        let read = file::users(&file::lines(&line), &TERMS);
        prop_assert_eq!(read.errors, []);
        prop_assert_eq!(&read.users[..], &[user.clone()][..]);
        prop_assert_eq!(read.users[0].line(), line);
    }

    #[test]
    fn no_bytes_make_a_rule_panic(rules in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 0..12)) {
        let rules: Vec<&[u8]> = rules.iter().map(Vec::as_slice).collect();
        let acl = registry();
        let _ = acl.set_user(b"alice", &rules, Ok(()));
        let _ = acl.load(&rules.join(&b' '), Ok(()));
        let _ = acl.load(&[b"user alice ", &*rules.join(&b' ')].concat(), Ok(()));
    }
}
