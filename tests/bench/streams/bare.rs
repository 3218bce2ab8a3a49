//! The least that a server can do: axum takes the body of PutRecords and decodes it. In a process of its own, so that its
//! processor time can be told from the client's.

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::borrow::Cow;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecords<'a> {
    #[serde(borrow)]
    records: Vec<Record<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
    #[serde(borrow)]
    partition_key: Cow<'a, str>,
}

/// Serves until it is killed; says where.
pub(crate) async fn serve() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
    println!("listening on http://{}/", listener.local_addr().expect("address"));
    let limit = axum::extract::DefaultBodyLimit::max(16 << 20);
    let app = Router::new().route("/", post(answer)).layer(limit);
    axum::serve(listener, app).await.expect("serve");
}

async fn answer(body: Bytes) -> String {
    let Ok(request) = serde_json::from_slice::<PutRecords<'_>>(&body) else {
        return r#"{"FailedRecordCount":500}"#.to_owned();
    };
    let decode = |record: &Record<'_>| STANDARD.decode(record.data.as_bytes()).map(|data| data.len());
    let bytes: usize = request.records.iter().filter_map(|record| decode(record).ok()).sum();
    let keys: usize = request.records.iter().map(|record| record.partition_key.len()).sum();
    format!(r#"{{"FailedRecordCount":0,"Bytes":{bytes},"Keys":{keys}}}"#)
}
