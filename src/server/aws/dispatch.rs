//! Which operation a request asks for.

use super::operation::{Operation, Service};
use super::{kinesis, kms};

/// All services.
pub(crate) const SERVICES: &[&Service] = &[&kinesis::SERVICE, &kms::SERVICE];

/// The service and operation of an `X-Amz-Target`.
pub(crate) fn find(target: &str) -> Option<(&'static Service, &'static Operation)> {
    let (service, operation) = target.split_once('.')?;
    let service = SERVICES.iter().find(|known| known.target == service)?;
    let operation = service.operations.iter().find(|known| known.name() == operation)?;
    Some((service, operation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn operations_are_told_apart_and_each_has_an_action_of_its_service() {
        let targets: BTreeSet<_> = SERVICES.iter().map(|service| service.target).collect();
        assert_eq!(targets.len(), SERVICES.len());
        for service in SERVICES {
            let names: BTreeSet<_> = service.operations.iter().map(Operation::name).collect();
            assert_eq!(names.len(), service.operations.len(), "{}", service.target);
            for operation in service.operations {
                let (prefix, name) = operation.action.split_once(':').unwrap_or_default();
                assert_eq!(prefix, service.signing_name, "{}", operation.action);
                assert!(!name.is_empty(), "{}", operation.action);
            }
        }
    }

    #[test]
    fn targets() {
        let name = |target| find(target).map(|(_, operation)| operation.name());
        assert_eq!(name("Kinesis_20131202.PutRecord"), Some("PutRecord"));
        for unknown in [
            "",
            "PutRecord",
            "Kinesis_20131202.",
            "Kinesis_20131202.putRecord",
            "Kinesis_20131202.PutRecord.x",
            "X.PutRecord",
        ] {
            assert_eq!(name(unknown), None, "{unknown}");
        }
    }
}
