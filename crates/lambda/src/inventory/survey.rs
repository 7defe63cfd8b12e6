//! Surveys of the network of an account and region, page by page.
//!
//! A survey that is cut by the end of an invocation, or by EC2, goes on with the next round at the page where it stopped, and
//! its answers are taken over when it is whole. Until then it lives in the memory of the environment and not in the bucket:
//! nobody but the function reads it, and an environment that is replaced begins again at page 1.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use flowlogs_core::network::AccountRegion;
use flowlogs_describe::{
    GatewayAttachmentDescription, GatewayDescription, PartWriter, Tag, Timestamp, VpcDescription,
    keep_name,
};

/// Most octets of all unfinished surveys together: packed interfaces, texts and structs of the other answers, keys, tokens.
const ROOM: usize = 48 * 1024 * 1024;

/// Largest age of an unfinished survey, in milliseconds; an older survey begins again.
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

    /// Octets of memory that the survey takes, with the buffers' spare room.
    fn octets(&self) -> usize {
        let token = self.position.token.as_ref().map_or(0, String::capacity);
        size_of::<Self>()
            + token
            + self.interfaces.octets()
            + list_octets(&self.vpcs, |vpc| {
                vpc.vpc_id.capacity() + text_octets(&vpc.owner_id) + tag_octets(&vpc.tags)
            })
            + list_octets(&self.gateways, |gateway| {
                gateway.transit_gateway_id.capacity() + tag_octets(&gateway.tags)
            })
            + list_octets(&self.attachments, |one| {
                let id = one.transit_gateway_attachment_id.capacity();
                let texts = [
                    &one.transit_gateway_id,
                    &one.resource_type,
                    &one.resource_id,
                ];
                id + texts.map(text_octets).iter().sum::<usize>() + tag_octets(&one.tags)
            })
    }

    fn has_answers(&self) -> bool {
        self.position.token.is_some() || self.question != SurveyQuestion::default()
    }
}

fn list_octets<T>(list: &Vec<T>, octets: impl Fn(&T) -> usize) -> usize {
    list.capacity() * size_of::<T>() + list.iter().map(octets).sum::<usize>()
}

fn text_octets(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::capacity)
}

fn tag_octets(tags: &Option<Vec<Tag>>) -> usize {
    let octets = |tag: &Tag| tag.key.capacity() + text_octets(&tag.value);
    tags.as_ref().map_or(0, |tags| list_octets(tags, octets))
}

/// Unfinished surveys of accounts and regions, bounded in octets.
#[derive(Debug, Default)]
pub(super) struct UnfinishedSurveys {
    surveys: Mutex<HashMap<AccountRegion, NetworkSurvey>>,
}

impl UnfinishedSurveys {
    /// Removes and returns the survey of an account and region, unless the survey is too old.
    pub(super) fn take(&self, scope: &AccountRegion, now: Timestamp) -> Option<NetworkSurvey> {
        let survey = self.lock().remove(scope);
        survey.filter(|survey| now.0.saturating_sub(survey.begun.0) < OLDEST)
    }

    /// Keeps a survey with answers for the next round. Returns `false` if there is no room: the survey begins again.
    pub(super) fn keep(&self, scope: AccountRegion, survey: NetworkSurvey) -> bool {
        let mut surveys = self.lock();
        let octets = |scope: &AccountRegion, survey: &NetworkSurvey| {
            scope.account.capacity() + scope.region.capacity() + survey.octets()
        };
        let others: usize = surveys.iter().map(|(scope, one)| octets(scope, one)).sum();
        let has_room = others + octets(&scope, &survey) <= ROOM;
        if has_room && survey.has_answers() {
            surveys.insert(scope, survey);
        }
        has_room
    }

    /// Drops the surveys of accounts and regions that are not asked.
    pub(super) fn retain(&self, is_asked: impl Fn(&AccountRegion) -> bool) {
        self.lock().retain(|scope, _| is_asked(scope));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountRegion, NetworkSurvey>> {
        // A poisoned lock is no harm: the map is whole after any panic.
        self.surveys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use flowlogs_describe::InterfaceDescription;
    use flowlogs_testing::random::Random;

    use super::*;

    fn scope(account: &str) -> AccountRegion {
        AccountRegion::new(account, "eu-central-1")
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
            assert!(surveys.keep(scope("1"), begun(5)));
            let taken = surveys.take(&scope("1"), Timestamp(5 + age));
            assert_eq!(taken.is_some(), is_there);
            assert!(surveys.take(&scope("1"), Timestamp(5)).is_none());
        }
        assert!(surveys.keep(scope("1"), NetworkSurvey::begin(Timestamp(5))));
        let nothing = surveys.take(&scope("1"), Timestamp(5));
        assert!(nothing.is_none(), "nothing was answered");
    }

    #[test]
    fn surveys_of_accounts_that_are_not_asked_are_dropped() {
        let surveys = UnfinishedSurveys::default();
        surveys.keep(scope("1"), begun(5));
        surveys.keep(scope("2"), begun(5));
        surveys.retain(|scope| scope.account == "2");
        assert!(surveys.take(&scope("1"), Timestamp(5)).is_none());
        assert!(surveys.take(&scope("2"), Timestamp(5)).is_some());
    }

    /// Text that does not get smaller.
    fn text(octets: usize) -> String {
        let mut random = Random(1);
        let mut octet = || b'!' + u8::try_from(random.below(64)).expect("6 bits");
        (0..octets).map(|_| char::from(octet())).collect()
    }

    fn name(text: &str) -> Option<Vec<Tag>> {
        Some(vec![Tag {
            key: "Name".to_owned(),
            value: Some(text.to_owned()),
        }])
    }

    /// Surveys of this kind for which there is room.
    fn kept(add: impl Fn(&mut NetworkSurvey)) -> usize {
        let surveys = UnfinishedSurveys::default();
        let mut kept = 0;
        loop {
            let mut survey = begun(5);
            add(&mut survey);
            if !surveys.keep(scope(&kept.to_string()), survey) {
                break;
            }
            kept += 1;
        }
        let of = |kept: usize| surveys.take(&scope(&kept.to_string()), Timestamp(5));
        assert!(of(kept).is_none(), "begins again");
        assert!(of(0).is_some());
        kept
    }

    #[test]
    fn every_answer_and_the_token_of_a_survey_take_room() {
        let text = text(4 << 20);
        let interfaces = kept(|survey| {
            for _ in 0..4 {
                survey.interfaces.add(&mut InterfaceDescription {
                    description: Some(text.clone()),
                    ..InterfaceDescription::default()
                });
            }
        });
        assert!((1..8).contains(&interfaces), "{interfaces}");
        let vpcs = kept(|survey| {
            survey.vpcs.push(VpcDescription {
                owner_id: Some(text.clone()),
                tags: name(&text),
                ..VpcDescription::default()
            });
        });
        assert_eq!(vpcs, 5);
        let gateways = kept(|survey| {
            survey.gateways.push(GatewayDescription {
                transit_gateway_id: text.clone(),
                tags: name(&text),
            });
        });
        assert_eq!(gateways, 5);
        let attachments = kept(|survey| {
            survey.attachments.push(GatewayAttachmentDescription {
                resource_id: Some(text.clone()),
                tags: name(&text),
                ..GatewayAttachmentDescription::default()
            });
        });
        assert_eq!(attachments, 5);
        let tokens = kept(|survey| survey.position.token = Some(text.clone()));
        assert_eq!(tokens, 10);
        let compressors = kept(|_| {});
        assert!((100..150).contains(&compressors), "{compressors}");
    }

    #[test]
    fn the_octets_of_a_survey_are_those_that_it_takes() {
        let mut survey = None;
        let used = allocation_counter::measure(|| {
            let survey = survey.insert(begun(5));
            for number in 0..2_000 {
                let id = format!("0a1b2c3d4{number:08x}");
                survey.interfaces.add(&mut InterfaceDescription {
                    network_interface_id: format!("eni-{id}"),
                    description: Some(text(40)),
                    ..InterfaceDescription::default()
                });
                survey.vpcs.push(VpcDescription {
                    vpc_id: format!("vpc-{id}"),
                    owner_id: Some("123456789012".to_owned()),
                    tags: name("production"),
                });
                survey.gateways.push(GatewayDescription {
                    transit_gateway_id: format!("tgw-{id}"),
                    tags: name("production"),
                });
                survey.attachments.push(GatewayAttachmentDescription {
                    transit_gateway_attachment_id: format!("tgw-attach-{id}"),
                    transit_gateway_id: Some(format!("tgw-{id}")),
                    resource_type: Some("vpc".to_owned()),
                    resource_id: Some(format!("vpc-{id}")),
                    tags: name("production"),
                });
            }
        });
        let (used, counted) = (used.bytes_current, survey.expect("a survey").octets());
        let counted = i64::try_from(counted).expect("few");
        assert!(
            used <= counted && counted <= used * 5 / 4,
            "{used} {counted}"
        );
    }

    #[test]
    fn the_octets_of_an_empty_survey_are_those_of_its_compressor() {
        let mut survey = None;
        let used = allocation_counter::measure(|| {
            survey
                .insert(begun(5))
                .interfaces
                .add(&mut InterfaceDescription::default());
        });
        let (used, counted) = (used.bytes_current, survey.expect("a survey").octets());
        let counted = i64::try_from(counted).expect("few");
        assert!(
            used <= counted && counted <= used * 3 / 2,
            "{used} {counted}"
        );
    }
}
