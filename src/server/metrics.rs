//! Numbers for Prometheus. Counters are kept as things happen; what can be looked up is looked up when asked.

use http::Method;
use prometheus::core::{Collector, GenericCounter, GenericGauge};
use prometheus::{
    Counter, CounterVec, Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec,
    IntGauge, Opts, Registry, TextEncoder,
};
use std::time::Duration;

/// The counters of one server.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: Histogram,
    /// Bytes of media taken in.
    pub ingest_bytes: IntCounter,
    /// Fragments made durable.
    pub ingest_fragments: IntCounter,
    /// Ingest requests that were refused or broke off with an error.
    pub ingest_errors: IntCounter,
    /// Ingest requests at this moment.
    pub sessions: IntGauge,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let labels = ["route", "method", "status"];
        let requests = Opts::new("kinetoscope_http_requests_total", "HTTP requests answered");
        let requests = IntCounterVec::new(requests, &labels)?;
        let seconds = HistogramOpts::new("kinetoscope_http_request_seconds", "Time until an answer begins");
        let request_seconds = Histogram::with_opts(seconds)?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(request_seconds.clone()))?;
        Ok(Self {
            ingest_bytes: counter(&registry, "kinetoscope_ingest_bytes_total", "Bytes of media taken in")?,
            ingest_fragments: counter(
                &registry,
                "kinetoscope_ingest_fragments_total",
                "Fragments made durable",
            )?,
            ingest_errors: counter(
                &registry,
                "kinetoscope_ingest_errors_total",
                "Ingest requests that failed",
            )?,
            sessions: gauge(&registry, "kinetoscope_ingest_sessions", "Ingest requests at this moment")?,
            requests,
            request_seconds,
            registry,
        })
    }

    /// One request was answered.
    pub fn request(&self, route: &str, method: &Method, status: u16, elapsed: Duration) {
        // A client can send any word as a method; not everyone gets a series.
        let method = match *method {
            Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE => {
                method.as_str()
            }
            _ => "other",
        };
        self.requests.with_label_values(&[route, method, &status.to_string()]).inc();
        self.request_seconds.observe(elapsed.as_secs_f64());
    }

    /// The counters in Prometheus' text format.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        encode(&self.registry)
    }
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    let counter = GenericCounter::new(name, help)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    let gauge = GenericGauge::new(name, help)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn encode(registry: &Registry) -> Result<String, prometheus::Error> {
    let mut text = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut text)?;
    String::from_utf8(text).map_err(|error| prometheus::Error::Msg(error.to_string()))
}

/// Values looked up when somebody asks, written in the same format.
#[derive(Default)]
pub struct Snapshot {
    registry: Registry,
}

impl Snapshot {
    /// Adds a family with one label.
    pub fn family(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (String, f64)>,
    ) -> Result<(), prometheus::Error> {
        self.labelled(name, help, [label], values.into_iter().map(|(of, value)| ([of], value)))
    }

    /// Adds a family with several labels each: of counters if its name ends like one, else of gauges.
    pub fn labelled<const LABELS: usize>(
        &self,
        name: &str,
        help: &str,
        labels: [&str; LABELS],
        values: impl IntoIterator<Item = ([String; LABELS], f64)>,
    ) -> Result<(), prometheus::Error> {
        let counts = name.ends_with("_total");
        let counters = CounterVec::new(Opts::new(name, help), &labels)?;
        let gauges = GaugeVec::new(Opts::new(name, help), &labels)?;
        for (of, value) in values {
            let of = of.each_ref().map(String::as_str);
            if counts {
                counters.get_metric_with_label_values(&of)?.inc_by(value);
            } else {
                gauges.get_metric_with_label_values(&of)?.set(value);
            }
        }
        if counts { self.add(counters) } else { self.add(gauges) }
    }

    /// Adds a number that somebody else keeps: a counter if its name ends like one, else a gauge.
    pub fn value(&self, name: &str, help: &str, value: f64) -> Result<(), prometheus::Error> {
        if name.ends_with("_total") {
            let counter = Counter::new(name, help)?;
            counter.inc_by(value);
            return self.add(counter);
        }
        let gauge = Gauge::new(name, help)?;
        gauge.set(value);
        self.add(gauge)
    }

    /// Adds several such numbers: the rest of each one's name, its help, and what it is.
    pub fn values<'n>(
        &self,
        prefix: &str,
        values: impl IntoIterator<Item = (&'n str, &'n str, f64)>,
    ) -> Result<(), prometheus::Error> {
        let mut values = values.into_iter();
        values.try_for_each(|(name, help, value)| self.value(&format!("{prefix}{name}"), help, value))
    }

    fn add(&self, family: impl Collector + 'static) -> Result<(), prometheus::Error> {
        self.registry.register(Box::new(family))
    }

    /// In Prometheus' text format.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        encode(&self.registry)
    }
}

/// Bytes of memory this process has resident, where the system tells.
pub fn resident_bytes() -> Option<u64> {
    resident_bytes_of(std::process::id())
}

/// Bytes of memory a process has resident, where the system tells.
pub fn resident_bytes_of(pid: u32) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages = statm.split_whitespace().nth(1)?.parse::<u64>().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_counted_by_route_and_status() {
        let metrics = Metrics::new().unwrap();
        metrics.request("/v1/video/{stream}", &Method::GET, 404, Duration::from_millis(3));
        metrics.request("/v1/video", &Method::from_bytes(b"BREW").unwrap(), 405, Duration::ZERO);
        metrics.ingest_bytes.inc_by(7);
        let text = metrics.text().unwrap();
        let line =
            r#"kinetoscope_http_requests_total{method="GET",route="/v1/video/{stream}",status="404"} 1"#;
        assert!(text.contains(line), "{text}");
        assert!(text.contains(r#"method="other""#));
        assert!(text.contains("kinetoscope_ingest_bytes_total 7"));
    }

    #[test]
    fn snapshots() {
        let snapshot = Snapshot::default();
        snapshot.value("a", "A.", 1.5).unwrap();
        snapshot.family("b", "B.", "stream", [("x".into(), 1.0), ("y".into(), 2.0)]).unwrap();
        let text = snapshot.text().unwrap();
        assert!(text.contains("\na 1.5\n") && text.contains(r#"b{stream="y"} 2"#), "{text}");
        assert!(resident_bytes().unwrap() > 1 << 20);
    }
}
