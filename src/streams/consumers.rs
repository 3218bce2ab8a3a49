//! Registered consumers of a stream.

use crate::data::Consumer;
use crate::error::UpdateError;
use crate::service::Streams;
use shardlog::ShardId;
use std::collections::BTreeMap;

/// Errors of registering and deregistering consumers. Nothing happened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConsumerError {
    /// A setting is not allowed, or there is no such stream, or it could not be written.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// The stream has one of this name.
    #[error("the stream has a consumer {name}")]
    AlreadyExists {
        /// The name.
        name: String,
    },
    /// The stream has none of this name.
    #[error("the stream has no consumer {name}")]
    NoSuchConsumer {
        /// The name.
        name: String,
    },
    /// The stream has as many as it may.
    #[error("the stream has {max} consumers")]
    TooMany {
        /// How many it may have.
        max: usize,
    },
}

impl Streams {
    /// Registers a consumer, of which the stream then has at most `max`; durable on return.
    pub async fn register_consumer(
        &self,
        stream: &str,
        name: &str,
        tags: BTreeMap<String, String>,
        max: usize,
    ) -> Result<Consumer, ConsumerError> {
        let env = &self.core().env;
        let consumer = Consumer {
            name: name.to_owned(),
            id: ShardId::new(env).0,
            created_ms: env.clock.now_ms(),
            tags,
            policy: None,
        };
        self.change_data(stream, move |data| {
            if data.consumer(&consumer.name).is_some() {
                return Err(ConsumerError::AlreadyExists { name: consumer.name.clone() });
            }
            if data.consumers.len() >= max {
                return Err(ConsumerError::TooMany { max });
            }
            data.consumers.push(consumer.clone());
            Ok(consumer.clone())
        })
        .await
    }

    /// Deregisters a consumer; durable on return. Its subscriptions end.
    pub async fn deregister_consumer(&self, stream: &str, name: &str) -> Result<Consumer, ConsumerError> {
        let name = name.to_owned();
        self.change_data(stream, move |data| {
            let place = data.consumers.iter().position(|consumer| consumer.name == name);
            let place = place.ok_or_else(|| ConsumerError::NoSuchConsumer { name: name.clone() })?;
            Ok(data.consumers.remove(place))
        })
        .await
    }
}
