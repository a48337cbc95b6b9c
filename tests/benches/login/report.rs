//! The tables, in Markdown. Ratios only: a time is of one machine on one day.

use std::fmt::Write;

use crate::pass::{AT_ONCE, Pass};
use crate::promise::{self, Bound, CPU, MODULE, Promise, WHOLE};
use crate::scene::{CIRCUMSTANCES, MAIN, MANY, name};
use crate::stats::{Ratio, Summary};

/// All tables.
pub fn markdown(passes: &[Pass], promises: &[Promise]) -> String {
    [
        promised(promises),
        one_login(passes),
        ladder(passes),
        many_mounts(passes),
        circumstances(passes),
        at_once(passes),
    ]
    .join("\n")
}

/// The ratios that something was promised of.
pub fn promised(promises: &[Promise]) -> String {
    let mut text = table(&["ratio of medians", "measured", "over the passes", "wanted", ""]);
    for promise in promises {
        let Promise { what, ratio, bound } = promise;
        let wanted = match bound {
            Bound::AtMost(most) => format!("≤ {most}"),
            Bound::AtLeast(least) => format!("≥ {least}"),
            Bound::None => String::new(),
        };
        let Ratio { median, least, most } = ratio;
        let reached = if promise.is_kept() { "" } else { "**missed**" };
        row(&mut text, &[what, &number(*median), &spread(*least, *most), &wanted, reached]);
    }
    text
}

fn one_login(passes: &[Pass]) -> String {
    let mut text = heading("One login, 30 mounts, × the minimal safe floor");
    text += &table(&[
        "",
        "module",
        "over the passes",
        "p99",
        "thread's CPU time",
        "page faults",
        "whole call",
    ]);
    let p99 = |summary: &Summary| summary.module.p99;
    use name::*;
    for subject in [
        MINIMAL,
        FLOOR_PREFIX,
        FLOOR_TEMPLATE,
        PREFIX,
        PREFIX_SCRIPT,
        TEMPLATE,
        TEMPLATE_SCRIPT,
        THEIRS,
        THEIRS_SCRIPT,
        NOTHING,
        JOIN_BY_PID,
        JOIN_BY_HANDLE,
    ] {
        let to_floor = |part| promise::ratio(passes, MAIN, part, subject, MINIMAL);
        let module = to_floor(MODULE);
        let tail = passes.iter().map(|pass| {
            let scene = &pass.scenes[MAIN];
            p99(&scene[subject]) / MODULE(&scene[MINIMAL])
        });
        let tail = Ratio::of(tail.collect()).median;
        let faults =
            Ratio::of(passes.iter().map(|pass| pass.scenes[MAIN][subject].faults).collect());
        // A floor has no call of libpam around it.
        let whole = to_floor(WHOLE).median;
        let whole = if whole == module.median { String::new() } else { number(whole) };
        // Scripts are other processes.
        let cpu =
            if subject == THEIRS_SCRIPT { String::new() } else { number(to_floor(CPU).median) };
        row(
            &mut text,
            &[
                subject,
                &number(module.median),
                &spread(module.least, module.most),
                &number(tail),
                &cpu,
                &format!("{:.0}", faults.median),
                &whole,
            ],
        );
    }
    text
}

/// What each thing that a module has to do adds, and which ratios it leaves possible.
fn ladder(passes: &[Pass]) -> String {
    let mut text = heading("The ladder: prefix layout, 30 mounts");
    text += &table(&["", "× the minimal safe floor", "pam_namespace ÷ it", "with its script ÷ it"]);
    use name::*;
    for (step, subject) in [
        ("the minimal safe floor", MINIMAL),
        ("and the configuration's bytes and names", CONFIGURED),
        ("and the way back: the floor", FLOOR_PREFIX),
        ("and the user looked up", LOOKED_UP),
        ("and all that pam_rtmp does itself, `noinit`", PREFIX),
        ("and the stock script recognised", PREFIX_SCRIPT),
    ] {
        let of = |over, under| number(promise::ratio(passes, MAIN, MODULE, over, under).median);
        row(
            &mut text,
            &[step, &of(subject, MINIMAL), &of(THEIRS, subject), &of(THEIRS_SCRIPT, subject)],
        );
    }
    text
}

fn many_mounts(passes: &[Pass]) -> String {
    let mut text = heading("More mounts, × the minimal safe floor on the same host");
    text += &table(&[
        "",
        "pam_rtmp, template",
        "pam_rtmp, prefix",
        "pam_namespace",
        "pam_namespace ÷ ours",
        "the same in CPU time",
        "join, by a process",
        "the floor's growth",
    ]);
    for scene in [MAIN].into_iter().chain(MANY.map(|(name, ..)| name)) {
        let of =
            |subject| number(promise::ratio(passes, scene, MODULE, subject, name::MINIMAL).median);
        let faster = |part| promise::ratio(passes, scene, part, name::THEIRS, name::PREFIX);
        row(
            &mut text,
            &[
                scene,
                &of(name::TEMPLATE),
                &of(name::PREFIX),
                &of(name::THEIRS),
                &with_spread(faster(MODULE)),
                &with_spread(faster(CPU)),
                &of(name::JOIN_BY_PID),
                &number(growth(passes, scene, name::MINIMAL)),
            ],
        );
    }
    text
}

/// Of a subject, to the minimal safe floor with 30 mounts.
pub fn growth(passes: &[Pass], scene: &str, subject: &str) -> f64 {
    let each = passes.iter().map(|pass| {
        MODULE(&pass.scenes[scene][subject]) / MODULE(&pass.scenes[MAIN][name::MINIMAL])
    });
    Ratio::of(each.collect()).median
}

fn circumstances(passes: &[Pass]) -> String {
    let mut text = heading("Other circumstances, 30 mounts, `noinit`: pam_namespace ÷ ours");
    text += &table(&["", "module", "the same in CPU time", "whole call", "module, our template"]);
    for scene in CIRCUMSTANCES {
        let faster =
            |part, ours| with_spread(promise::ratio(passes, scene, part, name::THEIRS, ours));
        row(
            &mut text,
            &[
                scene,
                &faster(MODULE, name::PREFIX),
                &faster(CPU, name::PREFIX),
                &faster(WHOLE, name::PREFIX),
                &faster(MODULE, name::TEMPLATE),
            ],
        );
    }
    text
}

fn at_once(passes: &[Pass]) -> String {
    let mut text = heading("Logins at once, 30 mounts: logins per second, ours ÷ pam_namespace's");
    text += &table(&[
        "at once",
        "`noinit`",
        "stock script",
        "ours ÷ the floor's",
        "our template ÷ the floor's",
    ]);
    for together in AT_ONCE {
        let rate = |over, under| {
            let each = passes.iter().map(|pass| &pass.at_once[&together]);
            with_spread(Ratio::of(each.map(|rates| rates[over] / rates[under]).collect()))
        };
        row(
            &mut text,
            &[
                &together.to_string(),
                &rate(name::PREFIX, name::THEIRS),
                &rate(name::PREFIX_SCRIPT, name::THEIRS_SCRIPT),
                &rate(name::PREFIX, name::FLOOR_PREFIX),
                &rate(name::TEMPLATE, name::FLOOR_PREFIX),
            ],
        );
    }
    text
}

fn heading(text: &str) -> String {
    format!("### {text}\n\n")
}

fn table(columns: &[&str]) -> String {
    let mut text = String::new();
    row(&mut text, columns);
    let rules: Vec<_> = (0..columns.len()).map(|n| if n == 0 { "---" } else { "---:" }).collect();
    row(&mut text, &rules);
    text
}

fn row(text: &mut String, cells: &[&str]) {
    writeln!(text, "| {} |", cells.join(" | ")).unwrap();
}

fn number(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.1}") }
}

fn spread(least: f64, most: f64) -> String {
    format!("{} to {}", number(least), number(most))
}

fn with_spread(Ratio { median, least, most }: Ratio) -> String {
    format!("{} ({})", number(median), spread(least, most))
}
