//! Metrics line, answer and errors of an invocation of the inventory function.

use std::collections::BTreeSet;
use std::io;

use flowlogs_describe::Timestamp;
use flowlogs_export::now;
use serde::Serialize;
use thiserror::Error;

use super::round::RoundOutcome;
use super::store::StoreError;
use crate::diagnostics::returned_to_lambda;
use crate::metrics::EmbeddedMetrics;

/// Error of an invocation. The next round tries again.
#[derive(Clone, PartialEq, Eq, Error)]
pub enum InventoryFailure {
    /// The manifest was not read.
    #[error("the manifest was not read: {0}")]
    Unreadable(String),
    /// The manifest or a part was not written.
    #[error("the inventory was not written: {0}")]
    Unwritten(String),
    /// Another run has written the manifest meanwhile; the answers there are as new.
    #[error(
        "another run of the function has written the manifest meanwhile; is the reserved concurrency 1, and the prefix that of one function?"
    )]
    LostRace,
    /// The accounts of the organization are not known.
    #[error(
        "no account is known: {0}; run the function in the management account or in a delegated administrator, or list the accounts in ACCOUNTS"
    )]
    Accounts(String),
}

impl InventoryFailure {
    pub(super) fn reading(error: StoreError) -> Self {
        Self::Unreadable(error.to_string())
    }

    pub(super) fn writing(error: StoreError) -> Self {
        match error {
            StoreError::LostRace => Self::LostRace,
            error => Self::Unwritten(error.to_string()),
        }
    }

    /// Stable name of the error.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "InventoryUnreadable",
            Self::Unwritten(_) => "InventoryUnwritten",
            Self::LostRace => "InventoryLostRace",
            Self::Accounts(_) => "AccountsUnknown",
        }
    }
}

returned_to_lambda!(InventoryFailure);

/// Answer of a successful invocation.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum InventoryAnswer {
    /// Outcome of a round.
    Round(InventorySummary),
    /// Answer to the check event.
    Check(serde_json::Value),
}

/// Outcome of a round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InventorySummary {
    /// Accounts that were asked.
    pub accounts_asked: u64,
    /// Accounts with a failed region, at most 1,000.
    pub failed_accounts: Vec<String>,
    /// Interfaces of all parts.
    pub interfaces: u64,
    /// Accounts and regions that are left to the next round.
    pub parts_postponed: u64,
    /// Parts that changed.
    pub parts_written: u64,
}

/// Names of the metrics of a round.
pub fn metric_names() -> [&'static str; 9] {
    InventoryReport::default().figures().map(|(name, _)| name)
}

/// Most accounts in an answer.
const MOST_ACCOUNTS: usize = 1_000;

/// Figures of an invocation, for the metrics line and the answer.
#[derive(Debug, Default)]
pub(super) struct InventoryReport {
    /// Time of the manifest in the bucket; `None` without a manifest.
    pub(super) manifest_as_of: Option<Timestamp>,
    pub(super) account_list_errors: u64,
    pub(super) interfaces: u64,
    pub(super) round_milliseconds: u64,
    accounts_asked: u64,
    failed: BTreeSet<String>,
    postponed: u64,
    overdue: u64,
    parts_written: u64,
}

impl InventoryReport {
    /// Adds the outcome of the questions.
    pub(super) fn add(&mut self, outcome: RoundOutcome) {
        self.accounts_asked = count(outcome.asked.len());
        self.failed = outcome.failed;
        self.postponed = outcome.postponed;
        self.overdue = outcome.overdue;
        self.parts_written = outcome.parts_written;
    }

    pub(super) fn summary(&self) -> InventorySummary {
        InventorySummary {
            accounts_asked: self.accounts_asked,
            failed_accounts: self.failed.iter().take(MOST_ACCOUNTS).cloned().collect(),
            interfaces: self.interfaces,
            parts_postponed: self.postponed,
            parts_written: self.parts_written,
        }
    }

    /// Metrics of a round.
    ///
    /// | metric | meaning |
    /// |---|---|
    /// | `AccountsAsked`, `AccountsFailed` | accounts that were asked; those of which a region failed |
    /// | `Interfaces` | interfaces of all parts |
    /// | `InventoryAgeSeconds` | age of the manifest in the bucket at the end of the round |
    /// | `PartsOverdue` | parts of answering accounts whose interfaces were asked for more than 30 minutes ago |
    /// | `AccountListErrors` | AWS Organizations did not list the accounts |
    /// | `PartsPostponed` | accounts and regions left to the next round |
    /// | `PartsWritten` | parts that changed |
    /// | `RoundMilliseconds` | time of the round |
    ///
    /// Zeros are left out, except where absence would be an alarm.
    fn figures(&self) -> [(&'static str, Option<u64>); 9] {
        let age = self.manifest_as_of;
        let age = age.map(|as_of| now().saturating_sub(as_of.0) / 1_000);
        [
            ("AccountsAsked", Some(self.accounts_asked)),
            ("AccountsFailed", Some(count(self.failed.len()))),
            ("Interfaces", Some(self.interfaces)),
            ("InventoryAgeSeconds", age),
            ("PartsOverdue", Some(self.overdue)),
            ("AccountListErrors", not_zero(self.account_list_errors)),
            ("PartsPostponed", not_zero(self.postponed)),
            ("PartsWritten", not_zero(self.parts_written)),
            ("RoundMilliseconds", not_zero(self.round_milliseconds)),
        ]
    }

    /// Writes the metrics line.
    pub(super) fn write_line(
        &self,
        function_name: &str,
        request_id: &str,
        out: impl io::Write,
    ) -> io::Result<()> {
        let values = self.figures().into_iter();
        EmbeddedMetrics {
            timestamp: now(),
            function_name,
            request_id,
            source: None,
            accounts: ("FailedAccounts", &self.failed),
            values: values
                .filter_map(|(name, value)| Some((name, value?)))
                .collect(),
        }
        .write(out)
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn not_zero(figure: u64) -> Option<u64> {
    Some(figure).filter(|figure| *figure > 0)
}
