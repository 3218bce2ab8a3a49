//! Settings of `kinetoscope serve`.
//!
//! Every key can be given as a `--flag`, as `KINETOSCOPE_KEY` in the environment and in the TOML file, in this order of
//! precedence, over the defaults. One struct, [`Layer`], describes what any of the three may say, so that they cannot
//! drift apart; [`Config`] is what holds in the end.

use crate::auth::Names;
use crate::root::Given;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use streams::ShardRates;
use url::Url;

mod disk_free;
mod layers;
mod rtsp_listen;

pub use disk_free::DiskFree;
pub use layers::{ConfigError, Effective, Source, load};
pub use rtsp_listen::RtspListen;

/// What one source says; the names of the fields are the keys.
#[derive(clap::Args, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Data directory [default: ./data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address to serve HTTP on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Address to take RTSP cameras on, rtsp:// and, with TLS, rtsps:// on one port; port 0 takes a free one; `off`
    /// for none [default: 127.0.0.1:8554]
    #[arg(long, value_name = "ADDR")]
    pub rtsp_listen: Option<RtspListen>,
    /// PEM file with the certificate chain; turns TLS on, together with --tls-key
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Serve plain HTTP and RTSP on addresses that are not loopback: footage and, over HTTP, passwords cross the
    /// network in the clear
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub insecure_http: Option<bool>,
    /// File with the root key that seals the keystore [default: DATA/root.key]
    #[arg(long, value_name = "FILE")]
    pub root_key_file: Option<PathBuf>,
    /// Instead of a file: the key of a KMS (AWS KMS, or one that speaks its API) that holds the root key; its id, ARN or alias
    #[arg(long, value_name = "KEY")]
    pub root_kms_key: Option<String>,
    /// Where that KMS is; plain http:// on loopback addresses only [default: that of AWS in the region]
    #[arg(long, value_name = "URL")]
    pub root_kms_endpoint: Option<Url>,
    /// The region to sign for there [default: the one in the key's ARN]
    #[arg(long, value_name = "NAME")]
    pub root_kms_region: Option<String>,
    /// Seconds between two questions to that KMS whether the root key may still be used [default: 240]
    #[arg(long, value_name = "SECONDS")]
    pub root_kms_check_s: Option<u64>,
    /// The media-worker program [default: beside this executable]
    #[arg(long, value_name = "FILE")]
    pub media_worker: Option<PathBuf>,
    /// How many media-worker processes make frames [default: 2]
    #[arg(long, value_name = "N")]
    pub workers: Option<u32>,
    /// Seconds a media-worker may take for one request before it is killed [default: 20]
    #[arg(long, value_name = "SECONDS")]
    pub worker_timeout_s: Option<u64>,
    /// MiB of memory a media-worker may take [default: 1024]
    #[arg(long, value_name = "MIB")]
    pub worker_memory_mib: Option<u64>,
    /// How many media-worker processes read the packets of cameras over RTSP [default: 2]
    #[arg(long, value_name = "N")]
    pub camera_workers: Option<u32>,
    /// MiB of memory after which such a media-worker is replaced [default: 512]
    #[arg(long, value_name = "MIB")]
    pub camera_worker_memory_mib: Option<u64>,
    /// Seconds without a byte after which an ingest request is ended [default: 30]
    #[arg(long, value_name = "SECONDS")]
    pub ingest_idle_timeout_s: Option<u64>,
    /// Seconds a client may take to send a request's header [default: 15]
    #[arg(long, value_name = "SECONDS")]
    pub header_timeout_s: Option<u64>,
    /// Most connections at a time [default: 4096]
    #[arg(long, value_name = "N")]
    pub connections_max: Option<u32>,
    /// Most RTSP connections at a time [default: 512]
    #[arg(long, value_name = "N")]
    pub rtsp_sessions_max: Option<u32>,
    /// Seconds without media after which a camera that pushes over RTSP is cut off [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub rtsp_idle_timeout_s: Option<u64>,
    /// Mbit/s, over five seconds: a camera that pushes more over RTSP is cut off [default: 100]
    #[arg(long, value_name = "MBIT")]
    pub rtsp_bitrate_max_mbit: Option<u64>,
    /// A second camera on a stream takes over from the first; otherwise it is refused while the first one sends
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub publisher_takeover: Option<bool>,
    /// Hours of footage kept by streams that ingest creates [default: 24]
    #[arg(long, value_name = "HOURS")]
    pub retention_hours: Option<u32>,
    /// Seconds: no fragment is longer, and HLS announces it [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub target_duration_s: Option<u32>,
    /// MiB after which the log begins a new segment file [default: 256]
    #[arg(long, value_name = "MIB")]
    pub segment_mib: Option<u64>,
    /// MiB of the newest chunks of all streams that are kept in memory for live viewers; 0: none [default: 64]
    #[arg(long, value_name = "MIB")]
    pub live_cache_mib: Option<u64>,
    /// Data streams have limits, as the eight keys that follow say; false: shards take and give as much as they can, and calls
    /// may come as often as they like [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub shard_limits: Option<bool>,
    /// KiB per second that a shard takes [default: 1024]
    #[arg(long, value_name = "KIB")]
    pub shard_in_kib_s: Option<u64>,
    /// Records per second that a shard takes [default: 1000]
    #[arg(long, value_name = "N")]
    pub shard_in_records_s: Option<u64>,
    /// KiB per second that a shard gives to all readers who are not registered consumers [default: 2048]
    #[arg(long, value_name = "KIB")]
    pub shard_out_kib_s: Option<u64>,
    /// Reads per second of all of them [default: 5]
    #[arg(long, value_name = "N")]
    pub shard_reads_s: Option<u64>,
    /// KiB per second that a shard gives to each registered consumer [default: 2048]
    #[arg(long, value_name = "KIB")]
    pub consumer_out_kib_s: Option<u64>,
    /// Calls per second that are not about records (CreateStream, ListShards ...), in per cent of what the original service
    /// takes, which is little for programs on one's own machine: 5 of most [default: 1000]
    #[arg(long, value_name = "PERCENT")]
    pub call_rate_percent: Option<u64>,
    /// Open shards that all data streams together may have, but for those on demand [default: 20000]
    #[arg(long, value_name = "N")]
    pub shards_max: Option<u32>,
    /// Data streams that may be on demand [default: 50]
    #[arg(long, value_name = "N")]
    pub on_demand_streams_max: Option<u32>,
    /// How much of the disk stays free, in per cent of it or in bytes (20GiB): below that no new media is taken, or the
    /// oldest goes, as each stream says. At least twice disk_reserve_mib [default: 1%]
    #[arg(long, value_name = "SIZE")]
    pub disk_free_min: Option<DiskFree>,
    /// MiB of the disk that only what makes room may use: trims, deletions, the catalogue [default: 64]
    #[arg(long, value_name = "MIB")]
    pub disk_reserve_mib: Option<u64>,
    /// Twelve digits: the account that names of resources (ARNs) carry [default: 000000000000]
    #[arg(long, value_name = "DIGITS")]
    pub account_id: Option<String>,
    /// The region that names of resources carry, and that clients sign for [default: us-east-1]
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// Seconds by which the clock of whoever signs a request may differ from ours [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub signature_skew_s: Option<u64>,
}

impl Layer {
    /// The values that hold when nobody says otherwise.
    fn defaults() -> Self {
        Self {
            data: Some(PathBuf::from("./data")),
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 8080))),
            rtsp_listen: Some(RtspListen::On(SocketAddr::from(([127, 0, 0, 1], 8554)))),
            insecure_http: Some(false),
            root_kms_check_s: Some(240),
            workers: Some(2),
            worker_timeout_s: Some(20),
            worker_memory_mib: Some(1024),
            camera_workers: Some(2),
            camera_worker_memory_mib: Some(512),
            ingest_idle_timeout_s: Some(30),
            header_timeout_s: Some(15),
            connections_max: Some(4096),
            rtsp_sessions_max: Some(512),
            rtsp_idle_timeout_s: Some(10),
            rtsp_bitrate_max_mbit: Some(100),
            publisher_takeover: Some(false),
            retention_hours: Some(24),
            target_duration_s: Some(10),
            segment_mib: Some(256),
            live_cache_mib: Some(64),
            shard_limits: Some(true),
            shard_in_kib_s: Some(1024),
            shard_in_records_s: Some(1000),
            shard_out_kib_s: Some(2048),
            shard_reads_s: Some(5),
            consumer_out_kib_s: Some(2048),
            call_rate_percent: Some(1000),
            shards_max: Some(20_000),
            on_demand_streams_max: Some(50),
            disk_free_min: Some(DiskFree::Percent(1)),
            disk_reserve_mib: Some(64),
            account_id: Some("000000000000".to_owned()),
            region: Some("us-east-1".to_owned()),
            signature_skew_s: Some(300),
            ..Self::default()
        }
    }
}

/// The settings in force. The keys are explained at [`Layer`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the same keys as in Layer, explained there")]
pub struct Config {
    pub data: PathBuf,
    pub listen: SocketAddr,
    pub rtsp_listen: RtspListen,
    /// Somebody asked for that address; the default one may be taken by others.
    #[serde(skip)]
    pub rtsp_listen_given: bool,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub insecure_http: bool,
    pub root_key_file: Option<PathBuf>,
    pub root_kms_key: Option<String>,
    pub root_kms_endpoint: Option<Url>,
    pub root_kms_region: Option<String>,
    pub root_kms_check_s: u64,
    pub media_worker: Option<PathBuf>,
    pub workers: u32,
    pub worker_timeout_s: u64,
    pub worker_memory_mib: u64,
    pub camera_workers: u32,
    pub camera_worker_memory_mib: u64,
    pub ingest_idle_timeout_s: u64,
    pub header_timeout_s: u64,
    pub connections_max: u32,
    pub rtsp_sessions_max: u32,
    pub rtsp_idle_timeout_s: u64,
    pub rtsp_bitrate_max_mbit: u64,
    pub publisher_takeover: bool,
    pub retention_hours: u32,
    pub target_duration_s: u32,
    pub segment_mib: u64,
    pub live_cache_mib: u64,
    pub shard_limits: bool,
    pub shard_in_kib_s: u64,
    pub shard_in_records_s: u64,
    pub shard_out_kib_s: u64,
    pub shard_reads_s: u64,
    pub consumer_out_kib_s: u64,
    pub call_rate_percent: u64,
    pub shards_max: u32,
    pub on_demand_streams_max: u32,
    pub disk_free_min: DiskFree,
    pub disk_reserve_mib: u64,
    pub account_id: String,
    pub region: String,
    pub signature_skew_s: u64,
}

impl Config {
    /// Whether HTTP goes over TLS.
    pub fn tls(&self) -> bool {
        self.tls_cert.is_some()
    }

    /// Where the root key comes from.
    pub fn root(&self) -> Given {
        Given {
            key_file: self.root_key_file.clone(),
            kms_key: self.root_kms_key.clone(),
            kms_endpoint: self.root_kms_endpoint.clone(),
            kms_region: self.root_kms_region.clone(),
        }
    }

    /// What a shard of a data stream takes and gives per second, if that is limited.
    pub fn shard_rates(&self) -> Option<ShardRates> {
        self.shard_limits.then_some(ShardRates {
            in_bytes: self.shard_in_kib_s << 10,
            in_records: self.shard_in_records_s,
            out_bytes: self.shard_out_kib_s << 10,
            out_reads: self.shard_reads_s,
            consumer_bytes: self.consumer_out_kib_s << 10,
        })
    }

    /// What names of resources have in common.
    pub fn names(&self) -> Names {
        Names { account: self.account_id.clone(), region: self.region.clone() }
    }

    /// Refuses what cannot work or would be dangerous.
    fn check(&self) -> Result<(), ConfigError> {
        let ranges = [
            // With the time that an answer may take, less than five minutes.
            ("root_kms_check_s", self.root_kms_check_s, 1..=280),
            ("workers", u64::from(self.workers), 1..=64),
            ("worker_timeout_s", self.worker_timeout_s, 1..=600),
            ("worker_memory_mib", self.worker_memory_mib, 128..=65536),
            ("camera_workers", u64::from(self.camera_workers), 1..=64),
            ("camera_worker_memory_mib", self.camera_worker_memory_mib, 64..=65536),
            ("ingest_idle_timeout_s", self.ingest_idle_timeout_s, 1..=3600),
            ("header_timeout_s", self.header_timeout_s, 1..=300),
            ("connections_max", u64::from(self.connections_max), 1..=1_000_000),
            ("rtsp_sessions_max", u64::from(self.rtsp_sessions_max), 1..=100_000),
            ("rtsp_idle_timeout_s", self.rtsp_idle_timeout_s, 1..=3600),
            ("rtsp_bitrate_max_mbit", self.rtsp_bitrate_max_mbit, 1..=100_000),
            ("retention_hours", u64::from(self.retention_hours), 1..=87_600),
            ("target_duration_s", u64::from(self.target_duration_s), 1..=60),
            ("segment_mib", self.segment_mib, 1..=4096),
            ("live_cache_mib", self.live_cache_mib, 0..=1_048_576),
            ("shard_in_kib_s", self.shard_in_kib_s, 1..=1 << 30),
            ("shard_in_records_s", self.shard_in_records_s, 1..=1 << 30),
            ("shard_out_kib_s", self.shard_out_kib_s, 1..=1 << 30),
            ("shard_reads_s", self.shard_reads_s, 1..=1 << 30),
            ("consumer_out_kib_s", self.consumer_out_kib_s, 1..=1 << 30),
            ("call_rate_percent", self.call_rate_percent, 1..=1_000_000),
            ("shards_max", u64::from(self.shards_max), 1..=1_000_000),
            ("on_demand_streams_max", u64::from(self.on_demand_streams_max), 0..=1_000_000),
            ("disk_reserve_mib", self.disk_reserve_mib, 1..=65536),
            ("signature_skew_s", self.signature_skew_s, 60..=900),
        ];
        for (key, value, range) in ranges {
            if !range.contains(&value) {
                let (min, max) = (*range.start(), *range.end());
                return Err(ConfigError::OutOfRange { key, value, min, max });
            }
        }
        if self.account_id.len() != 12 || !self.account_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ConfigError::Account(self.account_id.clone()));
        }
        let region_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=32).contains(&self.region.len()) || !self.region.bytes().all(region_byte) {
            return Err(ConfigError::Region(self.region.clone()));
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err(ConfigError::HalfTls);
        }
        if !self.listen.ip().is_loopback() && !self.tls() && !self.insecure_http {
            return Err(ConfigError::OpenWithoutTls("HTTP", self.listen));
        }
        if let RtspListen::On(address) = self.rtsp_listen
            && !address.ip().is_loopback()
            && !self.tls()
            && !self.insecure_http
        {
            return Err(ConfigError::OpenWithoutTls("RTSP", address));
        }
        Ok(())
    }
}
