//! The plot: what a login costs on a host with more mounts, both scales logarithmic.

use std::fmt::Write;

use crate::pass::Pass;
use crate::report::growth;
use crate::scene::{MAIN, MANY, name};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 230.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 48.0;
/// From 30 mounts to 10,000.
const ACROSS: (f64, f64) = (30.0, 10_000.0);
/// From a tenth of the minimal safe floor at 30 mounts to ten thousand times it.
const UP: (f64, f64) = (0.1, 10_000.0);

const LINES: [(&str, &str); 6] = [
    (name::THEIRS_SCRIPT, "#b2182b"),
    (name::THEIRS, "#ef8a62"),
    (name::TEMPLATE, "#2166ac"),
    (name::PREFIX, "#67a9cf"),
    (name::MINIMAL, "#777777"),
    (name::JOIN_BY_PID, "#1b7837"),
];

/// The plot as SVG.
pub fn svg(passes: &[Pass]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\">One login, × the minimal safe floor with 30 mounts</text>\n"
    );
    grid(&mut svg);
    let mut labels = Vec::new();
    for (subject, colour) in LINES {
        let points: Vec<_> = [(MAIN, 30)]
            .into_iter()
            .chain(MANY.map(|(scene, mounts, _)| (scene, mounts)))
            .map(|(scene, mounts)| (x(mounts as f64), y(growth(passes, scene, subject))))
            .collect();
        let line: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            line.join(" ")
        )
        .unwrap();
        for (x, y) in &points {
            writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>")
                .unwrap();
        }
        labels.push((points.last().map_or(0.0, |point| point.1), subject, colour));
    }
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = 0.0;
    for (y, subject, colour) in labels {
        // Lines that end close together have their labels apart.
        let y = f64::max(y + 4.0, free);
        free = y + 15.0;
        let x = WIDTH - RIGHT + 10.0;
        writeln!(svg, "<text x=\"{x}\" y=\"{y:.1}\" fill=\"{colour}\">{subject}</text>").unwrap();
    }
    svg + "</svg>\n"
}

fn grid(svg: &mut String) {
    for mounts in [30.0, 100.0, 1_000.0, 10_000.0] {
        let (x, bottom, below) = (x(mounts), HEIGHT - BOTTOM, HEIGHT - BOTTOM + 18.0);
        writeln!(
            svg,
            "<path d=\"M{x:.1} {TOP}V{bottom}\" stroke=\"#ddd\"/>\
             <text x=\"{x:.1}\" y=\"{below}\" text-anchor=\"middle\">{mounts}</text>"
        )
        .unwrap();
    }
    for times in [0.1, 1.0, 10.0, 100.0, 1_000.0, 10_000.0] {
        let (y, right) = (y(times), WIDTH - RIGHT);
        writeln!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{times}</text>",
            LEFT - 6.0,
            y + 4.0
        )
        .unwrap();
    }
    let middle = (LEFT + WIDTH - RIGHT) / 2.0;
    writeln!(
        svg,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">mounts on the host</text>",
        HEIGHT - 10.0
    )
    .unwrap();
}

fn x(mounts: f64) -> f64 {
    LEFT + share(mounts, ACROSS) * (WIDTH - LEFT - RIGHT)
}

fn y(times: f64) -> f64 {
    HEIGHT - BOTTOM - share(times, UP) * (HEIGHT - TOP - BOTTOM)
}

/// How far along a logarithmic scale.
fn share(value: f64, (from, to): (f64, f64)) -> f64 {
    (value / from).ln() / (to / from).ln()
}
