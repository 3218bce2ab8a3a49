//! Random operations on the keys, with reopening in between, against a model of what they must do.

use crate::support::Home;
use proptest::prelude::*;
use proptest::sample::Index;
use vault::{KeyError, KeyId, KeyState, KeyUseError, UnwrapError, Vault, WrappedKey};

#[derive(Clone, Debug)]
enum Operation {
    Create,
    Rotate(Index),
    Disable(Index),
    Enable(Index),
    Destroy(Index),
    Wrap(Index),
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    let index = any::<Index>;
    prop_oneof![
        2 => Just(Operation::Create),
        3 => index().prop_map(Operation::Rotate),
        2 => index().prop_map(Operation::Disable),
        3 => index().prop_map(Operation::Enable),
        1 => index().prop_map(Operation::Destroy),
        4 => index().prop_map(Operation::Wrap),
        2 => Just(Operation::Reopen),
    ]
}

#[derive(Debug)]
struct ModelKey {
    id: KeyId,
    state: KeyState,
    version: u32,
    wrapped: Vec<WrappedKey>,
}

impl ModelKey {
    fn change(&mut self, result: Result<(), KeyError>, change: impl FnOnce(&mut Self)) {
        match result {
            Ok(()) => {
                assert_ne!(self.state, KeyState::Destroyed);
                change(self);
            }
            Err(KeyError::Destroyed(id)) => {
                assert_eq!((self.state, self.id), (KeyState::Destroyed, id));
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn refusal(&self) -> Option<KeyUseError> {
        match self.state {
            KeyState::Enabled => None,
            KeyState::Disabled => Some(KeyUseError::Disabled(self.id)),
            KeyState::PendingDeletion => Some(KeyUseError::PendingDeletion(self.id)),
            KeyState::Destroyed => Some(KeyUseError::Destroyed(self.id)),
        }
    }

    fn wrap(&mut self, vault: &Vault) {
        match vault.generate_data_key(&self.id, b"c") {
            Ok((_, wrapped)) => {
                assert_eq!(self.refusal(), None);
                assert_eq!(wrapped.key_version(), self.version);
                self.wrapped.push(wrapped);
            }
            Err(error) => assert_eq!(self.refusal(), Some(error)),
        }
    }

    fn check(&self, vault: &Vault) {
        let info = vault.key(&self.id).unwrap();
        assert_eq!((info.state, info.version), (self.state, self.version));
        for wrapped in &self.wrapped {
            let refusal = vault.unwrap(wrapped, b"c").err();
            assert_eq!(refusal, self.refusal().map(UnwrapError::Key));
        }
    }
}

fn run(operations: Vec<Operation>) {
    let home = Home::new();
    let mut vault = home.open();
    let mut model: Vec<ModelKey> = Vec::new();
    for operation in operations {
        let chosen = match &operation {
            Operation::Create => {
                let id = vault.create_key("model").unwrap();
                model.push(ModelKey { id, state: KeyState::Enabled, version: 1, wrapped: Vec::new() });
                continue;
            }
            Operation::Reopen => {
                drop(vault);
                vault = home.open();
                continue;
            }
            Operation::Rotate(index)
            | Operation::Disable(index)
            | Operation::Enable(index)
            | Operation::Destroy(index)
            | Operation::Wrap(index) => index,
        };
        if model.is_empty() {
            continue;
        }
        let key = chosen.index(model.len());
        let key = &mut model[key];
        let id = key.id;
        match operation {
            Operation::Rotate(_) => key.change(vault.rotate(&id).map(drop), |key| key.version += 1),
            Operation::Disable(_) => key.change(vault.disable(&id), |key| key.state = KeyState::Disabled),
            Operation::Enable(_) => key.change(vault.enable(&id), |key| key.state = KeyState::Enabled),
            Operation::Destroy(_) => key.change(vault.destroy(&id), |key| key.state = KeyState::Destroyed),
            _ => key.wrap(&vault),
        }
        key.check(&vault);
    }
    drop(vault);
    let vault = home.open();
    assert_eq!(vault.keys().len(), model.len());
    model.iter().for_each(|key| key.check(&vault));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn keys_do_what_the_model_does(operations in prop::collection::vec(operation(), 1..40)) {
        run(operations);
    }
}
