//! The check event `{"flowlogs":"check"}`: tries the bucket and the role of each account, writes nothing, and answers in
//! sentences what is missing.

use std::collections::BTreeSet;

use flowlogs_core::settings::inventory::INVENTORY_SETTINGS;
use flowlogs_describe::Manifest;
use flowlogs_export::now;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::InventoryFunction;
use super::merge::ManifestMerge;
use super::questions::sentence;
use super::report::InventoryReport;
use crate::check::shown_settings;
use crate::config::RawConfig;
use crate::log::one_line;
use crate::metrics::VERSION;

/// Most sentences of an answer.
const MOST_SENTENCES: usize = 100;

impl InventoryFunction {
    /// Answers the check event: `{"version", "settings", "accounts", "inventory", "missing"}`.
    pub(super) async fn check(&self, deadline: Instant) -> Value {
        let mut missing = Vec::new();
        let stored = self.clients.store.manifest(deadline).await;
        let manifest = match stored {
            Ok(stored) => stored.manifest,
            Err(error) => {
                missing.push(format!("The manifest was not read: {error}."));
                None
            }
        };
        let inventory = manifest.as_ref().map(|manifest| {
            json!({
                "ageSeconds": now().saturating_sub(manifest.as_of.0) / 1_000,
                "parts": manifest.parts.len(),
                "interfaces": manifest.parts.iter().map(|part| part.interfaces).sum::<u64>(),
                "flowLogs": manifest.flow_logs.len(),
                "notAsked": manifest.not_asked.len(),
            })
        });
        if manifest.is_none() && missing.is_empty() {
            missing.push("There is no manifest yet: the first round writes it.".to_owned());
        }
        let accounts = self.check_accounts(manifest, deadline, &mut missing).await;
        missing.truncate(MOST_SENTENCES);
        let raw = RawConfig::read_table(INVENTORY_SETTINGS, |name| std::env::var(name).ok());
        json!({
            "version": VERSION,
            "settings": shown_settings(&raw, |_| None),
            "accounts": accounts,
            "inventory": inventory,
            "missing": missing,
        })
    }

    /// Assumes the role in each account. Returns the accounts of the next round.
    async fn check_accounts(
        &self,
        manifest: Option<Manifest>,
        deadline: Instant,
        missing: &mut Vec<String>,
    ) -> Vec<String> {
        let mut report = InventoryReport::default();
        let mut merge = ManifestMerge::new(manifest.unwrap_or_default());
        let planned = match self.plan(&mut merge, deadline, &mut report).await {
            Ok(planned) => planned,
            Err(failure) => {
                missing.push(format!("{failure}."));
                BTreeSet::new()
            }
        };
        if report.account_list_errors > 0 {
            missing
                .push("AWS Organizations does not list the accounts; the log says why.".to_owned());
        }
        let accounts: BTreeSet<String> = planned.into_iter().map(|scope| scope.account).collect();
        for account in &accounts {
            if Instant::now() >= deadline {
                missing.push(format!("No time was left to try account {account}."));
                break;
            }
            // A session that is there says nothing about the role of today.
            self.clients.sessions.forget(account);
            if let Err(failure) = self.clients.sessions.credentials(account, deadline).await {
                let reason = one_line(&sentence(&failure));
                missing.push(format!("Account {account} cannot be asked: {reason}"));
            }
        }
        accounts.into_iter().collect()
    }
}
