//! The bridge's part of the report.

use std::fmt::Write as _;

use super::{find, goal, median, per_second};
use crate::bench::bridge::{Costs, MANY, route};
use crate::bench::load::Turn;
use crate::bench::turns::{Row, TAPGATE};
use crate::bench::wire::Era;

/// The rows of the table of goals.
pub fn goals(out: &mut String, costs: &Costs) -> std::fmt::Result {
    for (what, rows) in
        [("HTTP → stdio, 50 clients", &costs.to_stdio), ("stdio → HTTP, 50 in flight", &costs.to_http)]
    {
        for era in Era::ALL {
            let at = |name| median(find(rows, name, era, MANY), per_second);
            let ratio = at(TAPGATE) / at("direct");
            goal(
                out,
                &format!("{what}, {}: throughput over direct", era.name()),
                &format!("{ratio:.2}"),
                "≥ 0.50",
                ratio >= 0.5,
            )?;
        }
    }
    for era in Era::ALL {
        let at = |name| median(find(&costs.to_http, name, era, MANY), per_second);
        let ratio = at(TAPGATE) / at("direct by HTTP");
        let what =
            format!("stdio → HTTP, 50 in flight, {}: throughput over a client that speaks HTTP", era.name());
        goal(out, &what, &format!("{ratio:.2}"), "≥ 0.50", ratio >= 0.5)?;
    }
    for (client, server) in [(Era::Legacy, Era::Modern), (Era::Modern, Era::Legacy)] {
        let at = |server, clients| find(&costs.eras, route(client, server), client, clients);
        let cpu = |server| at(server, MANY).and_then(|row| row.cpu).unwrap_or(f64::NAN);
        let p50 = |server| median(at(server, 1), |turn| turn.p50);
        for (what, ratio) in [
            ("CPU per call, 50 clients", cpu(server) / cpu(client)),
            ("p50, 1 client", p50(server) / p50(client)),
        ] {
            let what = format!("{} over {}: {what}", route(client, server), route(client, client));
            goal(out, &what, &format!("{ratio:.2}"), "≤ 1.30", ratio <= 1.3)?;
        }
    }
    if let Some(row) = find(&costs.to_stdio, TAPGATE, Era::Legacy, MANY) {
        for (what, kib, most) in [("idle", row.idle_kib, 15), ("50 sessions", row.opened_kib, 40)] {
            let mib = kib.unwrap_or_default() as f64 / 1024.0;
            let what = format!("HTTP → stdio, memory, {what}");
            goal(out, &what, &format!("{mib:.1} MiB"), &format!("≤ {most} MiB"), mib <= f64::from(most))?;
        }
    }
    let kib = costs.session_bytes / 1024.0;
    goal(
        out,
        "one more legacy session that nobody uses: memory",
        &format!("{kib:.1} KiB"),
        "≤ 16 KiB",
        kib <= 16.0,
    )
}

/// The tables.
pub fn tables(out: &mut String, costs: &Costs) -> std::fmt::Result {
    writeln!(
        out,
        "\n## Bridge: HTTP → stdio\n\n\
         The same call; the server is a command of the clients' era, and direct is the same server by HTTP.\n\
         Each client has its connection and session; memory and CPU are the proxy's own, without its servers.\n\
         tapgate records and masks, the others log nothing.\n{}",
        medians(&costs.to_stdio)
    )?;
    table(out, "Clients", &costs.to_stdio, "direct")?;
    writeln!(
        out,
        "\n## Bridge: stdio → HTTP\n\n\
         One client on stdio; the server speaks HTTP in the client's era.\n\
         Direct is the same server as a command; what a client gets that speaks HTTP itself, on as many connections, stands beside it.\n{}",
        medians(&costs.to_http)
    )?;
    table(out, "In flight", &costs.to_http, "direct")?;
    writeln!(
        out,
        "\n## Bridge between eras\n\n\
         Both sides speak HTTP: the revision of the client, then the server's.\n{}",
        medians(&costs.eras)
    )?;
    table(out, "Clients", &costs.eras, "")?;
    let share = 100.0 * costs.recorded as f64 / costs.calls.max(1) as f64;
    writeln!(
        out,
        "\nOf {} calls through the bridges their journal holds {} ({share:.1} %).",
        costs.calls, costs.recorded
    )
}

fn medians(rows: &[Row]) -> String {
    format!("Medians over {} turns.\n", rows.first().map_or(0, |row| row.turns.len()))
}

fn table(out: &mut String, many: &str, rows: &[Row], base: &str) -> std::fmt::Result {
    writeln!(
        out,
        "| Era | {many} | Contender | Calls/s | over direct | p50 | added | p99 | CPU per call | Memory idle | with sessions | after load |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|"
    )?;
    let kib = |kib: Option<u64>| kib.map_or("–".to_owned(), |kib| format!("{kib} KiB"));
    for row in rows.iter().filter(|row| !row.turns.is_empty()) {
        let direct = find(rows, base, row.era, row.clients);
        let over = |of: fn(&Turn) -> f64| (median(Some(row), of), median(direct, of));
        let ((rate, direct_rate), (p50, direct_p50)) = (over(per_second), over(|turn| turn.p50));
        let known = |value: f64, text: String| if value.is_nan() { "–".to_owned() } else { text };
        writeln!(
            out,
            "| {} | {} | {} | {rate:.0} | {} | {p50:.0} µs | {} | {:.0} µs | {} | {} | {} | {} |",
            row.era.name(),
            row.clients,
            row.name,
            known(direct_rate, format!("{:.2}", rate / direct_rate)),
            known(direct_p50, format!("{:.0} µs", p50 - direct_p50)),
            median(Some(row), |turn| turn.p99),
            row.cpu.map_or("–".to_owned(), |cpu| format!("{cpu:.1} µs")),
            kib(row.idle_kib),
            kib(row.opened_kib),
            kib(row.memory_kib),
        )?;
    }
    for row in rows {
        if let Some(why) = &row.failed {
            let why = why.replace(char::is_control, " ").chars().take(300).collect::<String>();
            writeln!(
                out,
                "\n{} ({}, {}) fell out after {} turns: `{}`.",
                row.name,
                row.era.name(),
                row.clients,
                row.turns.len(),
                why.replace('`', "'")
            )?;
        }
    }
    Ok(())
}
