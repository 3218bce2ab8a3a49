//! `kinetoscope serve`.

use super::{Failure, say};
use crate::config::{self, Config, Effective, Layer, RtspListen};
use crate::data_dir::{DataDir, DataDirError};
use crate::error::Causes;
use crate::http::{Server, TlsError, acceptor};
use crate::root::Root;
use crate::rtsp::{Listening, RtspServer};
use crate::service::Service;
use crate::{auth, router};
use shardlog::env::Env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_rustls::TlsAcceptor;

/// How long requests may still take after a signal to stop; see also [`Service::close`]. Together they stay below the ten
/// seconds after which service managers kill.
const GRACE: Duration = Duration::from_secs(5);
/// How long another process may still have the data directory.
const IN_USE_AT_MOST: Duration = Duration::from_secs(3);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Serves cameras, players and programs until told to stop (SIGTERM or SIGINT)
///
/// Every option is also a key of the TOML file (--tls-cert is tls_cert) and an environment variable
/// (KINETOSCOPE_TLS_CERT). Secrets come through the environment only: KINETOSCOPE_ROOT_PASSPHRASE or
/// KINETOSCOPE_ROOT_KEY instead of the root key file; KINETOSCOPE_ROOT_ACCESS_KEY_ID and
/// KINETOSCOPE_ROOT_SECRET_ACCESS_KEY preset the first access key; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or
/// AWS_SHARED_CREDENTIALS_FILE and AWS_PROFILE, sign in to the KMS of --root-kms-key. RUST_LOG chooses what is logged.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// TOML file with settings
    #[arg(long, value_name = "FILE", env = "KINETOSCOPE_CONFIG")]
    config: Option<PathBuf>,
    /// Print the settings in force and where each comes from, then exit
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    layer: Layer,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let effective =
        config::load(arguments.config.as_deref(), |name| std::env::var_os(name), &arguments.layer);
    let effective = effective.map_err(Failure::usage)?;
    if arguments.print_config {
        print(&effective);
        return Ok(());
    }
    let config = effective.config;
    let root = Root::new(config.root(), &config.data, true, |name| std::env::var(name).ok());
    let root = root.map_err(Failure::usage)?;
    let preset = auth::preset(|name| std::env::var(name).ok()).map_err(Failure::usage)?;
    let tls = tls(&config).map_err(Failure::failed)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    let data = runtime.block_on(take(&config.data)).map_err(Failure::failed)?;
    let outcome = runtime.block_on(async {
        let signals = Signals::listen()?;
        let listener = TcpListener::bind(config.listen).await;
        let listener = listener
            .map_err(|error| Failure::Failed(format!("cannot listen on {}: {error}", config.listen)))?;
        let (rtsp, listening) = listen_rtsp(&config).await?;
        let service = Service::open(config, &data, root, preset, Env::real()).await;
        let service = service.map_err(|error| Failure::failed(Causes(&error)))?;
        service.app().rtsp.set_listening(listening);
        serve(service, Listeners { http: listener, rtsp, tls }, signals).await
    });
    // What still blocks after the grace period must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// Takes the data directory. One that is in use is waited for a little: after a kill it is given back only when the process
/// is gone altogether, and with it any child that it was about to start.
async fn take(path: &Path) -> Result<DataDir, DataDirError> {
    let clock = Env::real().clock;
    let deadline = clock.monotonic() + IN_USE_AT_MOST;
    loop {
        match DataDir::open(path, true) {
            Err(DataDirError::InUse { .. }) if clock.monotonic() < deadline => {
                clock.sleep(LOOK_AGAIN).await;
            }
            taken => return taken,
        }
    }
}

fn print(effective: &Effective) {
    say(effective.to_string().trim_end());
}

fn tls(config: &Config) -> Result<Option<TlsAcceptor>, TlsError> {
    match (&config.tls_cert, &config.tls_key) {
        (Some(cert), Some(key)) => acceptor(cert, key).map(Some),
        _ => Ok(None),
    }
}

/// Takes the address for RTSP. One that somebody asked for must be had; the usual one may be another program's.
async fn listen_rtsp(config: &Config) -> Result<(Option<TcpListener>, Listening), Failure> {
    let RtspListen::On(address) = config.rtsp_listen else { return Ok((None, Listening::Off)) };
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok::<_, std::io::Error>((Some(listener), Listening::On(address)))
    };
    bound.await.or_else(|error| {
        let reason = format!("cannot listen on {address} for RTSP: {error}");
        if config.rtsp_listen_given {
            return Err(Failure::Failed(reason));
        }
        tracing::warn!(
            reason,
            "no camera can push over RTSP; --rtsp-listen chooses another address, or `off`"
        );
        Ok((None, Listening::Failed(reason)))
    })
}

/// Where clients come in.
struct Listeners {
    http: TcpListener,
    rtsp: Option<TcpListener>,
    tls: Option<TlsAcceptor>,
}

async fn serve(service: Service, listeners: Listeners, mut signals: Signals) -> Result<(), Failure> {
    let Listeners { http: listener, rtsp, tls } = listeners;
    let address = listener.local_addr().map_err(Failure::failed)?;
    let rtsp_address = rtsp.as_ref().map(TcpListener::local_addr).transpose().map_err(Failure::failed)?;
    greet(&service, address, rtsp_address, tls.is_some());
    let app = service.app().clone();
    if let Some(listener) = rtsp {
        tokio::spawn(RtspServer { listener, tls: tls.clone(), app: app.clone() }.run());
    }
    let server = Server {
        listener,
        tls,
        router: router::build(&app),
        limits: (&app.config).into(),
        clock: app.env.clock.clone(),
    };
    let serving = tokio::spawn(server.run(app.stop.clone(), GRACE));
    tracing::info!(signal = signals.next().await, "stopping");
    app.stop.cancel();
    let ending = async {
        // A panic there has been logged and must not keep the log from being closed.
        let _ = serving.await;
        service.close().await
    };
    tokio::select! {
        closed = ending => closed.map_err(Failure::failed),
        signal = signals.next() => Err(Failure::Failed(format!("ended at once by a second signal ({signal})"))),
    }
}

/// What a person or a script wants to know, on standard output.
fn greet(service: &Service, address: SocketAddr, rtsp: Option<SocketAddr>, tls: bool) {
    let url = format!("{}://{address}", if tls { "https" } else { "http" });
    say(format_args!("listening on {url}"));
    if let Some(rtsp) = rtsp {
        say(format_args!("rtsp on {}://{rtsp}", if tls { "rtsps" } else { "rtsp" }));
    }
    if let Some(file) = service.new_credentials() {
        say(format_args!(
            "first start: open {url} and sign in with the access key id and secret access key in {}",
            file.display()
        ));
    }
    tracing::info!(%address, tls, version = env!("CARGO_PKG_VERSION"), "ready");
}

/// Signals to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen =
            |kind| signal(kind).map_err(|error| Failure::Failed(format!("cannot wait for signals: {error}")));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_for_rtsp_that_was_asked_for_must_be_had() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let layer =
            Layer { rtsp_listen: Some(RtspListen::On(taken.local_addr().unwrap())), ..Layer::default() };
        let mut config = config::load(None, |_| None, &layer).unwrap().config;
        assert!(
            matches!(listen_rtsp(&config).await, Err(Failure::Failed(reason)) if reason.contains("RTSP"))
        );
        config.rtsp_listen_given = false;
        let (listener, listening) = listen_rtsp(&config).await.unwrap();
        assert!(listener.is_none() && matches!(listening, Listening::Failed(_)));
        config.rtsp_listen = RtspListen::Off;
        assert!(matches!(listen_rtsp(&config).await, Ok((None, Listening::Off))));
    }
}
