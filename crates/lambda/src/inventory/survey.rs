//! Surveys of the network of an account and region, page by page.
//!
//! A survey that is cut by the end of an invocation, or by EC2, goes on with the next round at the page where it stopped, and
//! its answers are taken over when it is whole. Until then it lives in the memory of the environment and not in the bucket:
//! nobody but the function reads it, and an environment that is replaced begins again at page 1.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use flowlogs_describe::{
    GatewayAttachmentDescription, GatewayDescription, PartWriter, Timestamp, VpcDescription,
    keep_name,
};

use super::merge::AccountRegion;

/// Octets of all unfinished surveys together, packed.
const ROOM: usize = 48 * 1024 * 1024;

/// Age at which an unfinished survey begins again, in milliseconds.
const OLDEST: u64 = 3_600_000;

/// Question of a survey, in the order of asking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum SurveyQuestion {
    #[default]
    Interfaces,
    Vpcs,
    Gateways,
    Attachments,
    /// Nothing: the survey is whole.
    Nothing,
}

impl SurveyQuestion {
    /// The question after this one.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Interfaces => Self::Vpcs,
            Self::Vpcs => Self::Gateways,
            Self::Gateways => Self::Attachments,
            Self::Attachments | Self::Nothing => Self::Nothing,
        }
    }
}

/// Position within the answer to a question.
#[derive(Debug, Default)]
pub(super) struct PagePosition {
    /// Token of the next page; `None` for the first.
    pub(super) token: Option<String>,
    /// Pages so far.
    pub(super) pages: usize,
}

/// Answers so far to every question but that for flow logs.
#[derive(Debug, Default)]
pub(super) struct NetworkSurvey {
    /// Time of the first question.
    pub(super) begun: Timestamp,
    /// Question that is being asked.
    pub(super) question: SurveyQuestion,
    pub(super) position: PagePosition,
    pub(super) interfaces: PartWriter,
    pub(super) vpcs: Vec<VpcDescription>,
    pub(super) gateways: Vec<GatewayDescription>,
    pub(super) attachments: Vec<GatewayAttachmentDescription>,
}

impl NetworkSurvey {
    /// Survey without any answer.
    pub(super) fn begin(now: Timestamp) -> Self {
        Self {
            begun: now,
            ..Self::default()
        }
    }

    /// Leaves out every tag but `Name`.
    pub(super) fn keep_names(&mut self) {
        let vpcs = self.vpcs.iter_mut().map(|vpc| &mut vpc.tags);
        let gateways = self.gateways.iter_mut().map(|gateway| &mut gateway.tags);
        let attachments = self.attachments.iter_mut().map(|one| &mut one.tags);
        vpcs.chain(gateways).chain(attachments).for_each(keep_name);
    }

    fn has_answers(&self) -> bool {
        self.position.token.is_some() || self.question != SurveyQuestion::default()
    }
}

/// Unfinished surveys of accounts and regions, bounded in octets.
#[derive(Debug, Default)]
pub(super) struct UnfinishedSurveys {
    surveys: Mutex<HashMap<AccountRegion, NetworkSurvey>>,
}

impl UnfinishedSurveys {
    /// Removes and returns the survey of an account and region, unless the survey is too old.
    pub(super) fn take(&self, key: &AccountRegion, now: Timestamp) -> Option<NetworkSurvey> {
        let survey = self.lock().remove(key);
        survey.filter(|survey| now.0.saturating_sub(survey.begun.0) < OLDEST)
    }

    /// Keeps a survey for the next round. Returns `false` if there is no room: the survey begins again.
    pub(super) fn keep(&self, key: AccountRegion, survey: NetworkSurvey) -> bool {
        let mut surveys = self.lock();
        let others: usize = surveys.values().map(|one| one.interfaces.octets()).sum();
        let has_room = others + survey.interfaces.octets() <= ROOM;
        if has_room && survey.has_answers() {
            surveys.insert(key, survey);
        }
        has_room
    }

    /// Drops the surveys of all other accounts and regions.
    pub(super) fn retain(&self, is_asked: impl Fn(&AccountRegion) -> bool) {
        self.lock().retain(|key, _| is_asked(key));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountRegion, NetworkSurvey>> {
        // A map of values is whole at every moment.
        self.surveys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use flowlogs_describe::InterfaceDescription;
    use flowlogs_testing::random::Random;

    use super::*;

    fn key(account: &str) -> AccountRegion {
        (account.to_owned(), "eu-central-1".to_owned())
    }

    fn begun(time: u64) -> NetworkSurvey {
        NetworkSurvey {
            question: SurveyQuestion::Vpcs,
            ..NetworkSurvey::begin(Timestamp(time))
        }
    }

    #[test]
    fn a_survey_is_taken_once_and_not_after_an_hour() {
        let surveys = UnfinishedSurveys::default();
        for (age, is_there) in [(OLDEST - 1, true), (OLDEST, false)] {
            assert!(surveys.keep(key("1"), begun(5)));
            let taken = surveys.take(&key("1"), Timestamp(5 + age));
            assert_eq!(taken.is_some(), is_there);
            assert!(surveys.take(&key("1"), Timestamp(5)).is_none());
        }
        assert!(surveys.keep(key("1"), NetworkSurvey::begin(Timestamp(5))));
        let nothing = surveys.take(&key("1"), Timestamp(5));
        assert!(nothing.is_none(), "nothing was answered");
    }

    #[test]
    fn surveys_of_accounts_that_are_not_asked_are_dropped() {
        let surveys = UnfinishedSurveys::default();
        surveys.keep(key("1"), begun(5));
        surveys.keep(key("2"), begun(5));
        surveys.retain(|(account, _)| account == "2");
        assert!(surveys.take(&key("1"), Timestamp(5)).is_none());
        assert!(surveys.take(&key("2"), Timestamp(5)).is_some());
    }

    #[test]
    fn a_survey_without_room_begins_again() {
        let surveys = UnfinishedSurveys::default();
        // Text that does not get smaller.
        let mut random = Random(1);
        let mut octet = || b'!' + u8::try_from(random.below(64)).expect("6 bits");
        let text: String = (0..1 << 20).map(|_| char::from(octet())).collect();
        let mut kept = 0;
        loop {
            let mut survey = begun(5);
            for _ in 0..16 {
                survey.interfaces.add(&mut InterfaceDescription {
                    description: Some(text.clone()),
                    ..InterfaceDescription::default()
                });
            }
            if !surveys.keep(key(&kept.to_string()), survey) {
                break;
            }
            kept += 1;
        }
        assert!((1..8).contains(&kept), "{kept}");
        assert!(
            surveys
                .take(&key(&kept.to_string()), Timestamp(5))
                .is_none()
        );
        assert!(surveys.take(&key("0"), Timestamp(5)).is_some());
    }
}
