//! First start, second start, two at a time.

use super::*;
use crate::auth::Credentials;
use std::os::unix::fs::PermissionsExt;

async fn open(config: &Config, data: &DataDir, preset: Option<Credentials>) -> Service {
    let root = Root::new(config.root(), &config.data, true, |_| None).unwrap();
    Service::open(config.clone(), data, root, preset, Env::real()).await.unwrap()
}

#[tokio::test]
async fn the_first_start_makes_a_root_key_and_later_ones_keep_it() {
    let folder = TempDir::new().unwrap();
    let config = config(&folder.path().join("data"), |_| {});
    let data = DataDir::open(&config.data, true).unwrap();
    let first = open(&config, &data, None).await;
    let path = first.new_credentials().expect("a first start says where they are").to_owned();
    let credentials = Credentials::read(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(first.app().keys.check(&credentials.key_id, &credentials.secret).is_some());
    assert!(first.app().keys.check(&credentials.key_id, "something else").is_none());
    assert!(first.app().keys.check("somebody else", &credentials.secret).is_none());
    first.close().await.unwrap();

    let second = open(&config, &data, None).await;
    assert!(second.new_credentials().is_none());
    assert!(second.app().keys.check(&credentials.key_id, &credentials.secret).is_some());
    second.close().await.unwrap();
    assert_eq!(Credentials::read(&path).unwrap(), credentials);
}

#[tokio::test]
async fn a_preset_root_key_writes_no_file_and_replaces_the_one_before() {
    let folder = TempDir::new().unwrap();
    let config = config(&folder.path().join("data"), |_| {});
    let data = DataDir::open(&config.data, true).unwrap();
    for (key_id, secret) in
        [("FIRST", "secret-of-the-first"), ("SECOND", "secret-one"), ("SECOND", "secret-two")]
    {
        let preset = Credentials { key_id: key_id.into(), secret: secret.into() };
        let service = open(&config, &data, Some(preset)).await;
        assert!(service.app().keys.check(key_id, secret).is_some());
        assert!(service.app().keys.check("FIRST", "secret-of-the-first").is_none() || key_id == "FIRST");
        assert!(service.app().keys.check("SECOND", "secret-one").is_none() || secret == "secret-one");
        service.close().await.unwrap();
    }
    let kept = open(&config, &data, None).await;
    assert!(kept.app().keys.check("SECOND", "secret-two").is_some(), "it stays without the preset");
    assert!(!data.credentials().exists());
    kept.close().await.unwrap();
    for file in std::fs::read_dir(data.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
    {
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            !bytes.windows(10).any(|window| window == b"secret-two"),
            "{} holds a secret",
            file.display()
        );
    }
}

#[tokio::test]
async fn without_the_root_key_nothing_opens() {
    let folder = TempDir::new().unwrap();
    let config = config(&folder.path().join("data"), |_| {});
    let data = DataDir::open(&config.data, true).unwrap();
    open(&config, &data, None).await.close().await.unwrap();
    std::fs::remove_file(folder.path().join("data/root.key")).unwrap();
    let root = Root::new(config.root(), &config.data, true, |_| None).unwrap();
    let error = Service::open(config.clone(), &data, root, None, Env::real()).await.err().unwrap();
    assert!(error.to_string().contains("root key file"), "{error}");
}

#[test]
fn presets_are_checked() {
    let preset = |key_id: Option<&'static str>, secret: Option<&'static str>| {
        crate::auth::preset(move |name| {
            if name.ends_with("_ID") { key_id } else { secret }.map(str::to_owned)
        })
    };
    assert_eq!(preset(None, None).unwrap(), None);
    assert_eq!(preset(Some("KEY"), Some("long-enough")).unwrap().unwrap().key_id, "KEY");
    for (key_id, secret) in [
        (Some("KEY"), None),
        (None, Some("long-enough")),
        (Some("K:Y"), Some("long-enough")),
        (Some("KEY"), Some("short")),
        (Some("KEY"), Some("long with spaces")),
    ] {
        assert!(preset(key_id, secret).is_err(), "{key_id:?} {secret:?}");
    }
}

#[test]
fn the_command_line_says_what_it_does_not_understand() {
    let run = |arguments: &[&str]| {
        let code = crate::cli::run(arguments.iter().map(Into::into));
        format!("{code:?}")
    };
    let code = |code: u8| format!("{:?}", std::process::ExitCode::from(code));
    assert_eq!(run(&["kinetoscope", "serve", "--no-such-flag"]), code(2));
    assert_eq!(run(&["kinetoscope", "dance"]), code(2));
    assert_eq!(run(&["kinetoscope", "serve", "--listen", "0.0.0.0:0"]), code(2));
    assert_eq!(run(&["kinetoscope", "serve", "--print-config"]), code(0));
    assert_eq!(run(&["kinetoscope", "check", "/nowhere/at/all"]), code(1));
}
