//! Which item is meant: the deciding levels, references, addresses, search.

use crate::program::Home;

#[test]
fn the_first_level_with_a_match_decides() {
    let home = Home::new();
    home.add("mail", "top", &["-u", "anna"]);
    home.add(
        "work/mail",
        "work",
        &["-u", "bert", "--url", "https://post.example.org"],
    );
    home.add("work/Mail Archive", "archive", &[]);
    home.run(&["get", "mail"]).ok().prints("top");
    home.run(&["get", "work/mail"]).ok().prints("work");
    home.run(&["get", "WORK/MAIL"]).ok().prints("work");
    home.run(&["get", "archive"]).ok().prints("archive");
    home.run(&["get", "bert"]).ok().prints("work");
    home.run(&["get", "post.example"]).ok().prints("work");
    let shown = home.run(&["--json", "show", "work/mail"]).ok().json();
    let id = shown["id"].as_str().unwrap();
    home.run(&["get", &format!("id:{}", &id[..8])])
        .ok()
        .prints("work");
    home.run(&["get", &id[..8]]).exits(3);
    home.run(&["get", &format!("id:{}", &id[..4])]).exits(3);
}

#[test]
fn several_matches_of_one_level_are_listed_and_never_guessed() {
    let home = Home::new();
    home.add("a/mail", "one", &["-u", "anna"]);
    home.add("b/mail", "two", &["-u", "bert"]);
    home.run(&["get", "mail"])
        .exits(4)
        .says("several items match mail")
        .says("a/mail  anna  id:")
        .says("b/mail  bert  id:")
        .prints("");
    let error = home.run(&["--json", "get", "mail"]).exits(4).error();
    assert_eq!(
        (&error["code"], &error["exit"]),
        (&"ambiguous".into(), &4.into())
    );
    assert_eq!(error["candidates"].as_array().unwrap().len(), 2);
    home.run(&["rm", "mail"]).exits(4);
    assert_eq!(home.ls(), "a/mail\nb/mail\n");
}

#[test]
fn a_slash_in_a_title_is_written_with_a_backslash() {
    let home = Home::new();
    home.add("net/tcp\\/ip", "x", &[]);
    assert_eq!(home.ls(), "net/tcp\\/ip\n");
    let shown = home.run(&["--json", "show", "net/tcp\\/ip"]).ok().json();
    assert_eq!(
        (&shown["title"], &shown["folder"]),
        (&"tcp/ip".into(), &"net".into())
    );
    home.run(&["get", "tcp/ip"]).ok().prints("x");
}

#[test]
fn references_name_a_field_of_an_item_exactly() {
    let home = Home::new();
    home.add("work/mail", "hunter2", &["-u", "me"]);
    home.run(&["get", "keyfold://work/mail/password"])
        .ok()
        .prints("hunter2");
    home.run(&["get", "keyfold://work/mail/username"])
        .ok()
        .prints("me");
    home.run(&["get", "keyfold://WORK/mail/username"]).exits(3);
    home.run(&["get", "keyfold://mail/username"]).exits(3);
    let shown = home.run(&["--json", "show", "work/mail"]).ok().json();
    let by_id = format!("keyfold://id:{}/username", shown["id"].as_str().unwrap());
    home.run(&["mv", "work/mail", "elsewhere/post"]).ok();
    home.run(&["get", &by_id]).ok().prints("me");
}

#[test]
fn an_address_finds_its_own_host_then_its_own_site() {
    let home = Home::new();
    home.add("shop", "one", &["--url", "https://www.example.co.uk/login"]);
    home.add("admin", "two", &["--url", "https://admin.example.co.uk"]);
    home.add("mail", "three", &["--url", "https://mail.example.org"]);
    home.run(&["get", "--url", "https://admin.example.co.uk/x?y"])
        .ok()
        .prints("two");
    home.run(&["get", "--url", "https://accounts.mail.example.org"])
        .ok()
        .prints("three");
    home.run(&["get", "--url", "https://shop.example.co.uk"])
        .exits(4)
        .says("shop");
    home.run(&["get", "--url", "https://other.co.uk"]).exits(3);
    home.run(&["get", "--url", "https://www.example.co.uk", "url"])
        .ok()
        .prints("https://www.example.co.uk/login");
}

#[test]
fn a_look_alike_address_gets_nothing_but_a_warning() {
    let home = Home::new();
    home.add("bank", "hunter2", &["--url", "https://paypal.com"]);
    for address in [
        "https://paypal.com@evil.example",
        "https://xn--pypal-4ve.com",
        "https://pаypal.com",
        "https://paypal.com.evil.example",
        "https://notpaypal.com",
        "http://paypal.com",
    ] {
        let ran = home.run(&["get", "--url", address]);
        assert!(matches!(ran.code, 2 | 3), "{address}: {}", ran.code);
        assert_eq!(ran.out, "", "{address}");
    }
    home.run(&["get", "--url", "https://pаypal.com"])
        .exits(3)
        .says("bank is kept back");
    home.run(&["get", "--url", "http://paypal.com"])
        .exits(3)
        .says("http");
    home.run(&["get", "--url", "https://paypal.com\\@evil.example"])
        .exits(2);
}

#[test]
fn ls_narrows_by_folder_pattern_tag_and_kind() {
    let home = Home::new();
    home.add("work/mail", "x", &["--tag", "daily"]);
    home.add("work/deep/wiki", "x", &["--tag", "daily", "--tag", "team"]);
    home.add("home/wifi", "x", &["--kind", "wifi"]);
    let ls = |args: &[&str]| home.run(&[&["ls"], args].concat()).ok().out;
    assert_eq!(ls(&[]), "home/wifi\nwork/mail\nwork/deep/wiki\n");
    assert_eq!(ls(&["work/"]), "work/mail\nwork/deep/wiki\n");
    assert_eq!(ls(&["*wi*"]), "home/wifi\nwork/deep/wiki\n");
    assert_eq!(ls(&["--tag", "daily", "--tag", "team"]), "work/deep/wiki\n");
    assert_eq!(ls(&["--kind", "wifi"]), "home/wifi\n");
    assert_eq!(ls(&["nothing"]), "");
    home.run(&["list"]).ok();
}

#[test]
fn find_is_fuzzy_and_its_best_match_stands_first() {
    let home = Home::new();
    home.add("work/github", "x", &["-u", "octo"]);
    home.add("misc/gift hub ideas", "x", &[]);
    home.add("bank", "zzzsecretzzz", &[]);
    let found = home.run(&["find", "github"]).ok().out;
    assert_eq!(found.lines().next(), Some("work/github"));
    assert_eq!(home.run(&["find", "octo", "git"]).ok().out, "work/github\n");
    assert_eq!(
        home.run(&["find", "zzzsecret"]).ok().out,
        "",
        "secrets are not searched"
    );
    assert_eq!(
        home.run(&["--json", "find", "bank"]).ok().json()["items"][0]["path"],
        "bank"
    );
    home.run(&["find"]).exits(2);
}

#[test]
fn a_word_that_is_no_command_is_the_name_of_an_item() {
    let home = Home::new();
    home.run(&["sohw"])
        .exits(3)
        .says("there is no item sohw")
        .says("keyfold --help");
}
