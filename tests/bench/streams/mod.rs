//! Data streams: the same calls to Kinetoscope (signed, sealed, on disk before they are answered), to other programs that
//! answer to them from memory or with what persistence they have, and to a bare handler that only decodes what it is sent.

mod bare;
mod client;
mod fan_out;
mod load;
mod memory;
mod peers;

pub(crate) use bare::serve as serve_bare;
pub(crate) use memory::run as memory;

use load::Figures;
use std::process::Stdio;
use tempfile::TempDir;
use tests::harness::server::{Server, Settings};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Connections that put.
const CONNECTIONS: [usize; 2] = [1, 8];

const OURS: &str = "Kinetoscope, signed, sealed, synced";
const BARE: &str = "bare axum handler that decodes";

/// What was measured of one program.
struct Row {
    name: String,
    puts: Vec<Figures>,
    get: Option<Figures>,
    peak_mib: Option<u64>,
}

/// `who`: how the names begin of those that are measured; all without it.
pub(crate) async fn run(who: Option<&str>) {
    let wanted = |name: &str| who.is_none_or(|who| name.to_lowercase().starts_with(&who.to_lowercase()));
    let folder = TempDir::new().expect("temporary folder");
    println!(
        "PutRecords of 500 x 1 KiB, GetRecords of up to 10,000; 4 shards; client and server on the same cores\n"
    );
    let mut rows = Vec::new();
    if wanted(OURS) {
        rows.push(ours().await);
    }
    if wanted(BARE) {
        rows.push(bare().await);
    }
    let (launches, missing) = peers::all();
    for launch in launches.into_iter().filter(|launch| wanted(launch.name)) {
        let peer = launch.start(folder.path()).await;
        let mut row = measure(launch.name, &peer.endpoint, &peer.pids(), true).await;
        row.peak_mib = Some(peer.peak_mib());
        rows.push(row);
    }
    print(&rows);
    for name in missing.into_iter().filter(|name| wanted(name)) {
        println!("not installed, not measured: {name}");
    }
    if wanted(OURS) {
        fan_out::run().await;
    }
}

async fn ours() -> Row {
    let server = Server::start_with(unlimited()).await;
    let mut row = measure(OURS, server.url(), &[server.pid()], true).await;
    row.peak_mib = Some(crate::process::peak_memory_mib(server.pid()));
    row
}

/// A server that takes what it can, instead of what a shard of the service would.
pub(crate) fn unlimited() -> Settings {
    Settings { args: vec!["--shard-limits=false".to_owned()], ..Settings::default() }
}

async fn bare() -> Row {
    let (child, url) = start_bare().await;
    measure(BARE, &url, &[child.id().expect("running")], false).await
}

async fn start_bare() -> (Child, String) {
    let mut command = Command::new(std::env::current_exe().expect("own path"));
    command.arg("bare-put-records").stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("start");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
    let line = lines.next_line().await.expect("read").expect("a line");
    let url = line.trim_start_matches("listening on ").trim_end_matches('/').to_owned();
    (child, url)
}

/// `stream`: there is one to be made and read.
async fn measure(name: &str, endpoint: &str, pids: &[u32], stream: bool) -> Row {
    let mut row = Row { name: name.to_owned(), puts: Vec::new(), get: None, peak_mib: None };
    if stream && let Err(why) = load::make_stream(endpoint).await {
        println!("{name}: {why}");
        return row;
    }
    for connections in CONNECTIONS {
        row.puts.push(load::put(endpoint, pids, connections).await);
    }
    if stream {
        row.get = Some(load::get(endpoint, pids, load::SHARDS).await);
    }
    row
}

fn print(rows: &[Row]) {
    println!(
        "{:<36} {:>31} {:>31} {:>23} {:>6}",
        "", "PutRecords, 1 connection", "PutRecords, 8 connections", "GetRecords", "peak"
    );
    println!(
        "{:<36} {:>9} {:>10} {:>10} {:>9} {:>10} {:>10} {:>11} {:>11} {:>6}",
        "", "rec/s", "rec/CPU-s", "p50 ms", "rec/s", "rec/CPU-s", "p99 ms", "rec/s", "rec/CPU-s", "MiB"
    );
    for row in rows {
        let [one, eight] = &row.puts[..] else { continue };
        let get = row.get.as_ref().map_or([f64::NAN; 2], |get| [get.records_per_s, get.records_per_cpu_s]);
        let peak = row.peak_mib.map_or_else(|| "-".to_owned(), |mib| mib.to_string());
        println!(
            "{:<36} {:>9.0} {:>10.0} {:>10.1} {:>9.0} {:>10.0} {:>10.1} {:>11.0} {:>11.0} {peak:>6}",
            row.name,
            one.records_per_s,
            one.records_per_cpu_s,
            one.p50_ms,
            eight.records_per_s,
            eight.records_per_cpu_s,
            eight.p99_ms,
            get[0],
            get[1],
        );
        for figures in row.puts.iter().chain(&row.get) {
            if figures.failed > 0 {
                println!("{:<36} {} calls failed: {:?}", "", figures.failed, figures.reason);
            }
        }
    }
    let Some((ours, others)) = rows.split_first().filter(|(first, _)| first.name == OURS) else { return };
    println!("\nours is, in records of PutRecords per CPU-second from 8 connections:");
    for row in others {
        if let (Some(ours), Some(theirs)) = (ours.puts.get(1), row.puts.get(1)) {
            println!("{:>9.2} x {}", ours.records_per_cpu_s / theirs.records_per_cpu_s, row.name);
        }
    }
}
