//! The pages of the port: `/`, `/api/stats`, `/metrics`, `/health`.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::access::{Shows, refusal};
use super::big_keys::BigKeys;
use super::figures::Figures;
use super::history::History;
use super::http::{Request, Response, Site};
use super::{Stage, json, prometheus, stage};
use crate::command::Server;
use crate::machine::now_ms;

/// The dashboard, whole: it loads nothing else.
const PAGE: &str = include_str!("page.html");

/// Big keys are searched for as long as somebody has looked at the page within this time.
const LOOKING: Duration = Duration::from_secs(15);

pub struct Dashboard {
    stage: Arc<Mutex<Stage>>,
    is_open: bool,
    history: History,
    big_keys: BigKeys,
    looked_at: Option<Instant>,
}

impl Dashboard {
    pub fn new(stage: Arc<Mutex<Stage>>, is_open: bool) -> Dashboard {
        Dashboard {
            stage,
            is_open,
            history: History::default(),
            big_keys: BigKeys::default(),
            looked_at: None,
        }
    }

    fn serve(&mut self, request: &Request<'_>, server: &Arc<Server>) -> Response {
        let shows = match request.path {
            "/health" | "/metrics" => Shows::Figures,
            _ => Shows::Data,
        };
        if let Some(refusal) = refusal(request, shows, server, self.is_open) {
            return refusal;
        }
        match request.path {
            "/" => page(),
            "/api/stats" => self.stats(request, server),
            "/metrics" => prometheus::metrics(Figures::of(server, now_ms()), request.accept),
            "/health" => health(server, request),
            _ => not_found(),
        }
    }

    fn stats(&mut self, request: &Request<'_>, server: &Server) -> Response {
        self.looked_at = Some(Instant::now());
        let since = request.query.split('&').find_map(|pair| pair.strip_prefix("since="));
        let since_ms = since.and_then(|ms| ms.parse().ok()).unwrap_or(0.0);
        let value = json::stats(server, &self.history, &self.big_keys.found(), since_ms, now_ms());
        Response::json(200, &value)
    }
}

impl Site for Dashboard {
    fn answer(&mut self, request: &Request<'_>) -> Response {
        let now = stage(&self.stage).clone();
        match now {
            Stage::Serving(server) => self.serve(request, &server),
            Stage::Loading { done_bytes, total_bytes } => {
                let percent = (done_bytes * 100).checked_div(total_bytes).unwrap_or(0);
                not_serving(request, "loading", &format!("loading: {percent}% of {} MiB", total_bytes >> 20))
            }
            Stage::Stopping | Stage::Ended => not_serving(request, "stopping", "stopping"),
        }
    }

    fn tick(&mut self) -> bool {
        let now = stage(&self.stage).clone();
        if let Stage::Serving(server) = &now {
            self.history.add(Figures::of(server, now_ms()));
            if self.looked_at.is_some_and(|at| at.elapsed() < LOOKING) {
                self.big_keys.walk(&server.keyspace);
            }
        }
        !matches!(now, Stage::Ended)
    }
}

fn page() -> Response {
    Response::new(200, "text/html; charset=utf-8", PAGE.as_bytes())
}

fn not_found() -> Response {
    Response::text(404, "there is /, /metrics, /health and /api/stats\n")
}

/// Nobody can be asked for a password yet, so nothing is given away.
fn not_serving(request: &Request<'_>, state: &str, reason: &str) -> Response {
    match request.path {
        "/" => page(),
        "/api/stats" => Response::json(503, &serde_json::json!({ "state": state, "reason": reason })),
        "/health" => status(503, request, state, Some(reason)),
        "/metrics" => Response::text(503, format!("{reason}\n")),
        _ => not_found(),
    }
}

fn health(server: &Server, request: &Request<'_>) -> Response {
    match server.persistence.failure() {
        None => status(200, request, "ready", None),
        Some(reason) => status(503, request, "refusing", Some(&format!("writes are refused: {reason}"))),
    }
}

/// One line for a person or a script, JSON for whoever asks for it.
fn status(code: u16, request: &Request<'_>, state: &str, reason: Option<&str>) -> Response {
    if request.accept.contains("application/json") {
        return Response::json(code, &serde_json::json!({ "status": state, "reason": reason }));
    }
    Response::text(code, format!("{}\n", reason.unwrap_or(state)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(stage: Stage, path: &str, accept: &str) -> (u16, String) {
        let mut site = Dashboard::new(Arc::new(Mutex::new(stage)), true);
        let request = Request { path, query: "", is_head: false, host: "", accept, authorization: "" };
        let response = site.answer(&request);
        (response.status, String::from_utf8_lossy(&response.body).into_owned())
    }

    #[test]
    fn says_that_it_is_loading_and_that_it_stops() {
        let loading = Stage::Loading { done_bytes: 50 << 20, total_bytes: 200 << 20 };
        assert_eq!(ask(loading.clone(), "/health", ""), (503, "loading: 25% of 200 MiB\n".into()));
        let json = r#"{"reason":"loading: 25% of 200 MiB","status":"loading"}"#;
        assert_eq!(ask(loading.clone(), "/health", "application/json"), (503, json.into()));
        assert_eq!(ask(loading.clone(), "/metrics", "").0, 503);
        assert_eq!(ask(loading.clone(), "/nothing", "").0, 404);
        assert_eq!(ask(loading, "/", "").0, 200);
        assert_eq!(ask(Stage::Stopping, "/health", ""), (503, "stopping\n".into()));
    }
}
