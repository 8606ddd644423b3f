//! The dashboard in a real browser, under load: what it shows, how it fits, and that it can be read.
//!
//! The screenshots stay in `target/tmp/dashboard/`. They are taken once the charts go back four seconds, or
//! `LIMPID_DASHBOARD_SECONDS`. Where there is no Chromium this says so and passes; `.ci/run` installs it.

#[path = "../support/mod.rs"]
mod support;

mod chromium;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use chromium::Chromium;
use support::http::observed;
use support::{Limpid, eventually};

/// Clients that do a bit of everything until they are told to stop.
fn load(server: &Limpid, stop: &Arc<AtomicBool>) -> Vec<thread::JoinHandle<()>> {
    let run = |id: u32| {
        let (mut c, stop) = (server.resp(), Arc::clone(stop));
        thread::spawn(move || {
            c.cmd(&["CLIENT", "SETNAME", &format!("worker:{id}")]);
            c.cmd(&["RPUSH", "queue:<b>mail</b>", &"x".repeat(50_000)]);
            for round in (0u32..).take_while(|_| !stop.load(Ordering::Relaxed)) {
                let mut replies = 0;
                for i in 0..40 {
                    let key = format!("user:{}", (round * 40 + i) % 5_000);
                    c.send(&["GET", if i % 4 == 0 { "session:hot" } else { &key }]);
                    c.send(&["SET", &key, "a value of some length", "PX", "600000"]);
                    replies += 2;
                }
                c.send(&["INCR", "user:1"]);
                (0..=replies).for_each(|_| _ = c.read());
                if round % 50 == 0 {
                    c.cmd(&["DEBUG", "SLEEP", "0.011"]);
                }
            }
        })
    };
    (0..4).map(run).collect()
}

/// Text against what lies behind it, as WCAG counts it; returns whatever has too little contrast.
const TOO_FAINT: &str = r#"(() => {
  const rgb = text => text.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = node => {
    for (let at = node; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (color.startsWith("rgb(")) return rgb(color);
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.querySelectorAll("h1, h2, .about, .note, th, td, dt, dd, button, .legend span, .value, footer, footer a")) {
    if (!node.textContent.trim() || !node.offsetWidth) continue;
    const a = light(rgb(getComputedStyle(node).color)), b = light(behind(node));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) faint.push(node.tagName + "." + node.className + " " + ratio.toFixed(2));
  }
  return [...new Set(faint)];
})()"#;

const FITS: &str = "document.documentElement.scrollWidth <= innerWidth";

#[test]
fn the_page_shows_what_happens() {
    let Some(mut page) = Chromium::start() else {
        eprintln!("skipped: there is no Chromium here");
        return;
    };
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("dashboard");
    std::fs::create_dir_all(&folder).expect("target is writable");
    let (server, port) = observed(&["--appendonly", "yes"]);
    let stop = Arc::new(AtomicBool::new(false));
    let clients = load(&server, &stop);

    page.prefer("dark");
    page.resize(1440, 900, 1);
    page.open(&format!("http://127.0.0.1:{port}/"));
    let seconds: u64 =
        std::env::var("LIMPID_DASHBOARD_SECONDS").map_or(4, |text| text.parse().expect("a number"));
    eventually("the charts have something to show", || {
        page.eval("document.readyState === 'complete' && typeof samples === 'object' && samples.length")
            .as_u64()
            >= Some(seconds)
    });
    eventually("all lists have come", || {
        let rows = "['commands', 'hot', 'big', 'slow', 'clients'].every(id => document.querySelector('#' + id + ' tbody tr'))";
        page.eval(rows) == true
    });

    assert_eq!(page.eval("document.getElementById('state').textContent"), "ready");
    assert_eq!(page.eval("[...document.querySelectorAll('.tile .value')].map(v => v.textContent).filter(v => !/\\d/.test(v))"), serde_json::json!([]));
    let drawn = "[...document.querySelectorAll('.chart')].filter(c => ![...c.querySelectorAll('path')].some(p => /L/.test(p.getAttribute('d')))).map(c => c.id)";
    assert_eq!(page.eval(drawn), serde_json::json!([]), "charts without a line");
    let first = |id: &str| format!("document.querySelector('#{id} tbody td').textContent");
    assert_eq!(page.eval(&first("hot")), "session:hot");
    // A key's name is text, whatever it looks like.
    assert_eq!(page.eval(&first("big")), "queue:<b>mail</b>");
    assert_eq!(page.eval(&first("slow")), "DEBUG SLEEP 0.011");
    assert!(page.eval(&first("clients")).as_str().is_some_and(|name| name.starts_with("worker:")));
    let names =
        page.eval("[...document.querySelectorAll('#commands tbody tr')].map(r => r.cells[0].textContent)");
    for name in ["get", "set", "incr"] {
        assert!(names.as_array().is_some_and(|all| all.contains(&name.into())), "{name} in {names}");
    }
    assert_eq!(page.eval(TOO_FAINT), serde_json::json!([]), "dark: contrast below 4.5");
    assert_eq!(page.eval(FITS), true, "1440 pixels");
    page.screenshot(&folder.join("dark.png"), true);
    page.screenshot(&folder.join("readme.png"), false);

    // What the system prefers is followed, until the button says otherwise.
    page.prefer("light");
    let background = "getComputedStyle(document.body).backgroundColor";
    let light = page.eval(background);
    assert_eq!(page.eval(TOO_FAINT), serde_json::json!([]), "light: contrast below 4.5");
    page.screenshot(&folder.join("light.png"), true);
    page.eval("document.getElementById('theme').click()");
    assert_ne!(page.eval(background), light);

    page.resize(360, 780, 2);
    eventually("it is laid out anew", || page.eval("innerWidth") == 360);
    assert_eq!(page.eval(FITS), true, "360 pixels");
    page.screenshot(&folder.join("phone.png"), true);

    // The keyboard reads single moments of a chart.
    page.eval("document.getElementById('latency').focus()");
    page.eval("document.getElementById('latency').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft' }))");
    assert_eq!(page.eval("document.querySelector('#latency .tip').hidden"), false);

    let complaints: Vec<_> = page
        .events
        .iter()
        .filter(|event| {
            event["method"] == "Runtime.exceptionThrown" || event["params"]["entry"]["level"] == "error"
        })
        .collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    let own = format!("http://127.0.0.1:{port}/");
    let requests = page.events.iter().filter_map(|event| event["params"]["request"]["url"].as_str());
    let foreign: Vec<_> =
        requests.filter(|url| !url.starts_with(&own) && !url.starts_with("data:")).collect();
    assert!(foreign.is_empty(), "{foreign:?}");

    stop.store(true, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().expect("the load goes through"));
    server.stop();
    eventually("it says that the server is gone", || {
        page.eval("document.getElementById('state').textContent") == "no answer"
    });
}
