//! Accounts to ask, and the sessions of the read-only role in each account.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ec2::config::Credentials;
use aws_sdk_organizations::types::{AccountState, AccountStatus};
use tokio::time::Instant;

use super::settings::InventoryConfig;
use crate::aws::BoundedAnswers;
use crate::ec2::{FailedLookup, LookupError, answered};
use crate::log::one_line;

pub(super) const ASSUME_ROLE: &str = "sts:AssumeRole";
pub(super) const LIST_ACCOUNTS: &str = "organizations:ListAccounts";

/// Time that the credentials of a cached session must be valid for: longer than an invocation.
const LEAST_VALIDITY: Duration = Duration::from_secs(20 * 60);

/// Most pages of accounts; AWS answers with at most 20 accounts a page.
const MOST_PAGES: usize = 1_000;

/// Account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MemberAccount {
    pub(super) id: String,
    /// Reason why the account is not asked: `suspended`, `pending closure`, …
    pub(super) not_asked: Option<String>,
}

/// Lists the accounts of the organization.
pub(super) async fn organization(
    aws: &SdkConfig,
    deadline: Instant,
) -> Result<Vec<MemberAccount>, FailedLookup> {
    let config = aws_sdk_organizations::config::Builder::from(aws)
        .timeout_config(timeouts())
        .retry_config(RetryConfig::standard().with_max_attempts(4))
        .interceptor(BoundedAnswers::SMALL)
        .build();
    let client = aws_sdk_organizations::Client::from_conf(config);
    let (mut accounts, mut token) = (Vec::new(), None);
    for _ in 0..MOST_PAGES {
        let request = client.list_accounts().set_next_token(token).send();
        let page = answered(LIST_ACCOUNTS, deadline, request).await?;
        let listed = page.accounts.into_iter().flatten();
        accounts.extend(listed.filter_map(|account| {
            let not_asked = not_asked(account.state.as_ref(), account.status.as_ref());
            Some(MemberAccount {
                id: account.id?,
                not_asked,
            })
        }));
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            accounts.sort_unstable_by(|one, other| one.id.cmp(&other.id));
            return Ok(accounts);
        }
    }
    Err(FailedLookup {
        action: LIST_ACCOUNTS,
        reason: LookupError::Other("the list of accounts has no end".to_owned()),
    })
}

/// Reason why an account of this state, or status before `State` existed, is not asked.
fn not_asked(state: Option<&AccountState>, status: Option<&AccountStatus>) -> Option<String> {
    let word = state
        .map(AccountState::as_str)
        .or(status.map(AccountStatus::as_str))
        .unwrap_or("ACTIVE");
    (word != "ACTIVE").then(|| one_line(&word.to_ascii_lowercase().replace('_', " ")))
}

/// Sessions of the role in each account.
#[derive(Debug)]
pub(super) struct MemberSessions {
    client: aws_sdk_sts::Client,
    /// Up to the account: `arn:aws:iam::`.
    arn_prefix: String,
    /// After the account: `:role/path/name`.
    arn_suffix: String,
    external_id: String,
    cached: Mutex<HashMap<String, Credentials>>,
}

impl MemberSessions {
    /// Asks STS in the region of the function.
    pub(super) fn new(aws: &SdkConfig, config: &InventoryConfig, region: &str) -> Self {
        let client = aws_sdk_sts::config::Builder::from(aws)
            .timeout_config(timeouts())
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .interceptor(BoundedAnswers::SMALL)
            .build();
        Self {
            client: aws_sdk_sts::Client::from_conf(client),
            arn_prefix: format!("arn:{}:iam::", partition(region)),
            arn_suffix: format!(":role/{}", config.member_role),
            external_id: config.external_id.clone(),
            cached: Mutex::default(),
        }
    }

    /// Returns credentials of the role in an account, valid in all regions.
    pub(super) async fn credentials(
        &self,
        account: &str,
        deadline: Instant,
    ) -> Result<Credentials, FailedLookup> {
        let least = SystemTime::now() + LEAST_VALIDITY;
        let cached = self.cache().get(account).cloned();
        if let Some(credentials) = cached
            && credentials.expiry().is_none_or(|expiry| expiry > least)
        {
            return Ok(credentials);
        }
        let request = self
            .client
            .assume_role()
            .role_arn(format!("{}{account}{}", self.arn_prefix, self.arn_suffix))
            .role_session_name("flowlogs-inventory")
            .external_id(&self.external_id)
            .send();
        let answer = answered(ASSUME_ROLE, deadline, request).await?;
        let given = answer.credentials.ok_or_else(|| FailedLookup {
            action: ASSUME_ROLE,
            reason: LookupError::Other("an answer without credentials".to_owned()),
        })?;
        let credentials = Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            SystemTime::try_from(given.expiration).ok(),
            "member role",
        );
        self.cache().insert(account.to_owned(), credentials.clone());
        Ok(credentials)
    }

    /// Drops the session of an account.
    pub(super) fn forget(&self, account: &str) {
        self.cache().remove(account);
    }

    /// Drops the sessions of accounts that are not asked.
    pub(super) fn retain(&self, is_asked: impl Fn(&str) -> bool) {
        self.cache().retain(|account, _| is_asked(account));
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<String, Credentials>> {
        // A poisoned lock is no harm: the map is whole after any panic.
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(10))
        .build()
}

/// Partition of a region, in ARNs.
fn partition(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_that_are_not_active_are_not_asked() {
        let of = |state: Option<&str>, status: Option<&str>| {
            not_asked(
                state.map(AccountState::from).as_ref(),
                status.map(AccountStatus::from).as_ref(),
            )
        };
        assert_eq!(of(Some("ACTIVE"), Some("ACTIVE")), None);
        assert_eq!(of(None, None), None);
        assert_eq!(of(None, Some("SUSPENDED")), Some("suspended".to_owned()));
        let closing = of(Some("PENDING_CLOSURE"), Some("ACTIVE"));
        assert_eq!(closing, Some("pending closure".to_owned()));
    }

    #[test]
    fn arns_name_the_partition_of_the_region() {
        for (region, name) in [
            ("eu-central-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(partition(region), name);
        }
    }
}
