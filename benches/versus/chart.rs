//! A picture of the load tables: throughput of each server against the baseline, as SVG.

use std::fmt::Write;

/// One case: what it was, and each server's throughput as a multiple of the baseline's.
pub struct Bars {
    pub case: String,
    pub ratios: Vec<Option<f64>>,
}

const WIDTH: f64 = 760.0;
/// Where bars begin; case names stand before.
const LEFT: f64 = 210.0;
/// Room behind the longest bar for its figure.
const RIGHT: f64 = 60.0;
const BAR: f64 = 15.0;
const GAP: f64 = 14.0;
const HEAD: f64 = 44.0;
/// Colours that can be read on a light and on a dark page.
const COLOURS: [&str; 5] = ["#1f9d8a", "#c98a1b", "#8a63d2", "#3b82c4", "#8b949e"];
const TEXT: &str = "#7d8590";

/// `servers`: their names, in the order of the ratios.
pub fn svg(servers: &[&str], cases: &[Bars]) -> String {
    let most = cases.iter().flat_map(|bars| &bars.ratios).flatten().fold(1.0, |a: f64, &b| a.max(b));
    let scale = (WIDTH - LEFT - RIGHT) / most;
    let group = BAR * servers.len() as f64 + GAP;
    let height = HEAD + group * cases.len() as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\" fill=\"{TEXT}\">\n"
    );
    legend(&mut out, servers);
    for (index, bars) in cases.iter().enumerate() {
        let top = HEAD + group * index as f64;
        let middle = top + BAR * servers.len() as f64 / 2.0 + 4.0;
        line(&mut out, LEFT - 10.0, middle, "end", &bars.case);
        for (server, ratio) in bars.ratios.iter().enumerate() {
            let Some(ratio) = ratio else { continue };
            let (y, width) = (top + BAR * server as f64, ratio * scale);
            let colour = COLOURS[server % COLOURS.len()];
            // Writing to a String cannot fail.
            let _ = writeln!(
                out,
                "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" rx=\"2\" fill=\"{colour}\"/>",
                BAR - 3.0
            );
            line(&mut out, LEFT + width + 6.0, y + BAR - 5.0, "start", &format!("{ratio:.2}"));
        }
    }
    let one = LEFT + scale;
    let _ = writeln!(
        out,
        "<path d=\"M{one:.1} {HEAD}V{:.1}\" stroke=\"{TEXT}\" stroke-dasharray=\"3 3\"/>\n</svg>",
        height - GAP
    );
    out
}

fn legend(out: &mut String, servers: &[&str]) {
    let mut x = LEFT;
    for (server, name) in servers.iter().enumerate() {
        let colour = COLOURS[server % COLOURS.len()];
        let _ =
            writeln!(out, "<rect x=\"{x}\" y=\"12\" width=\"12\" height=\"12\" rx=\"2\" fill=\"{colour}\"/>");
        line(out, x + 18.0, 22.0, "start", name);
        x += 40.0 + 8.0 * name.len() as f64;
    }
}

fn line(out: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>");
}
