//! A round's answers merged into the manifest of the round before. No I/O, no clock.
//!
//! Each description in the manifest carries the account and region of the answer, and a new answer takes the place of the
//! old answer of the account and region. A shared VPC, gateway or attachment is described by several accounts, and only the
//! owner knows the tags: the manifest keeps a single description, with a name rather than without.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use flowlogs_core::network::{AccountRegion, KEEP_VANISHED};
use flowlogs_describe::{
    FlowLogDescription, GatewayAttachmentDescription, GatewayDescription, LocatedDescription,
    Manifest, ManifestPart, NotAskedScope, Tag, Timestamp, UnansweredScope, VpcDescription,
};

/// Everything of an answer but the interfaces: these are in the part.
#[derive(Debug, Default)]
pub(super) struct NetworkSummary {
    /// Version of the part.
    pub(super) version: String,
    /// Number of interfaces in the part.
    pub(super) interfaces: u64,
    pub(super) vpcs: Vec<VpcDescription>,
    pub(super) gateways: Vec<GatewayDescription>,
    pub(super) attachments: Vec<GatewayAttachmentDescription>,
}

/// Manifest under construction.
#[derive(Debug)]
pub(super) struct ManifestMerge {
    parts: BTreeMap<AccountRegion, ManifestPart>,
    unanswered: BTreeMap<AccountRegion, String>,
    not_asked: BTreeMap<AccountRegion, String>,
    flow_logs: Vec<LocatedDescription<FlowLogDescription>>,
    vpcs: Vec<LocatedDescription<VpcDescription>>,
    gateways: Vec<LocatedDescription<GatewayDescription>>,
    attachments: Vec<LocatedDescription<GatewayAttachmentDescription>>,
}

impl ManifestMerge {
    /// Begins with the manifest of the round before.
    pub(super) fn new(before: Manifest) -> Self {
        let parts = before.parts.into_iter();
        let parts = parts.map(|part| (part.scope(), part));
        let unanswered = before.unanswered.into_iter();
        Self {
            parts: parts.collect(),
            unanswered: unanswered
                .map(|part| {
                    let (account, region) = (part.account_id, part.region);
                    (AccountRegion { account, region }, part.failure)
                })
                .collect(),
            not_asked: BTreeMap::new(),
            flow_logs: before.flow_logs,
            vpcs: before.vpcs,
            gateways: before.transit_gateways,
            attachments: before.transit_gateway_attachments,
        }
    }

    /// State of an account and region that was ever answered.
    pub(super) fn part(&self, scope: &AccountRegion) -> Option<&ManifestPart> {
        self.parts.get(scope)
    }

    /// An account and region has no answer to the last question.
    pub(super) fn has_failed(&self, scope: &AccountRegion) -> bool {
        let part = self.parts.get(scope);
        part.is_some_and(|part| part.failure.is_some()) || self.unanswered.contains_key(scope)
    }

    /// Accounts of the manifest of the round before.
    pub(super) fn accounts(&self) -> BTreeSet<String> {
        let scopes = self.parts.keys().chain(self.unanswered.keys());
        scopes.map(|scope| scope.account.clone()).collect()
    }

    /// Takes the flow logs of an account and region, as of the time `asked`. Flow logs that are no longer listed stay, as
    /// vanished.
    pub(super) fn flow_logs(
        &mut self,
        scope: &AccountRegion,
        asked: Timestamp,
        flow_logs: Vec<FlowLogDescription>,
    ) {
        let part = self.answered(scope);
        let last_seen = part.flow_logs_as_of.replace(asked);
        self.vanish(scope, last_seen, |id| {
            flow_logs.iter().any(|listed| listed.flow_log_id == id)
        });
        let located = flow_logs.into_iter().map(|listed| located(scope, listed));
        self.flow_logs.extend(located);
    }

    /// Marks the flow logs of an account and region as vanished, and drops flow logs listed again.
    fn vanish(
        &mut self,
        scope: &AccountRegion,
        last_seen: Option<Timestamp>,
        is_listed: impl Fn(&str) -> bool,
    ) {
        self.flow_logs.retain_mut(|old| {
            if !is_of(old, scope) {
                return true;
            }
            old.last_seen = old.last_seen.or(last_seen);
            !is_listed(&old.description.flow_log_id)
        });
    }

    /// Takes interfaces, VPCs, gateways and attachments of an account and region, as of the time `asked`.
    pub(super) fn network(
        &mut self,
        scope: &AccountRegion,
        asked: Timestamp,
        found: NetworkSummary,
    ) {
        let part = self.answered(scope);
        part.as_of = Some(asked);
        part.version = Some(found.version);
        part.interfaces = found.interfaces;
        replace(&mut self.vpcs, scope, found.vpcs);
        replace(&mut self.gateways, scope, found.gateways);
        replace(&mut self.attachments, scope, found.attachments);
    }

    fn answered(&mut self, scope: &AccountRegion) -> &mut ManifestPart {
        self.unanswered.remove(scope);
        let part = self
            .parts
            .entry(scope.clone())
            .or_insert_with(|| ManifestPart {
                account_id: scope.account.clone(),
                region: scope.region.clone(),
                as_of: None,
                flow_logs_as_of: None,
                version: None,
                interfaces: 0,
                failure: None,
            });
        part.failure = None;
        part
    }

    /// Notes that an account and region could not be asked; the last answer stays.
    pub(super) fn failed(&mut self, scope: &AccountRegion, failure: String) {
        match self.parts.get_mut(scope) {
            Some(part) => part.failure = Some(failure),
            None => _ = self.unanswered.insert(scope.clone(), failure),
        }
    }

    /// Notes that an account and region is not asked.
    pub(super) fn not_asked(&mut self, scope: &AccountRegion, reason: String) {
        self.unanswered.remove(scope);
        if let Some(part) = self.parts.get_mut(scope) {
            part.failure = None;
        }
        self.not_asked.insert(scope.clone(), reason);
    }

    /// Number of interfaces of all parts.
    pub(super) fn interfaces(&self) -> u64 {
        self.parts.values().map(|part| part.interfaces).sum()
    }

    /// Accounts and regions that are neither asked any more nor were answered within [`KEEP_VANISHED`].
    pub(super) fn expired(
        &self,
        now: Timestamp,
        planned: &BTreeSet<AccountRegion>,
    ) -> Vec<AccountRegion> {
        let parts = self.parts.iter().filter(|(scope, part)| {
            let is_asked = planned.contains(*scope) && !self.not_asked.contains_key(*scope);
            !is_asked && !is_fresh(part.flow_logs_as_of.max(part.as_of), now)
        });
        parts.map(|(scope, _)| scope.clone()).collect()
    }

    /// Drops the part of an account and region; [`Self::finish`] drops the descriptions.
    pub(super) fn remove(&mut self, scope: &AccountRegion) {
        self.parts.remove(scope);
    }

    /// Ends the round.
    pub(super) fn finish(mut self, now: Timestamp, planned: &BTreeSet<AccountRegion>) -> Manifest {
        let not_asked = std::mem::take(&mut self.not_asked);
        let is_asked =
            |scope: &AccountRegion| planned.contains(scope) && !not_asked.contains_key(scope);
        self.unanswered.retain(|scope, _| is_asked(scope));
        self.flow_logs
            .retain(|one| one.last_seen.is_none() || is_fresh(one.last_seen, now));
        let parts = &self.parts;
        retain_of(&mut self.flow_logs, parts);
        retain_of(&mut self.vpcs, parts);
        retain_of(&mut self.gateways, parts);
        retain_of(&mut self.attachments, parts);
        Manifest {
            as_of: now,
            parts: self.parts.into_values().collect(),
            unanswered: (self.unanswered.into_iter())
                .map(|(scope, failure)| UnansweredScope {
                    account_id: scope.account,
                    region: scope.region,
                    failure,
                })
                .collect(),
            not_asked: (not_asked.into_iter())
                .map(|(scope, reason)| NotAskedScope {
                    account_id: scope.account,
                    region: scope.region,
                    reason,
                })
                .collect(),
            flow_logs: self.flow_logs,
            vpcs: one_each(self.vpcs),
            transit_gateways: one_each(self.gateways),
            transit_gateway_attachments: one_each(self.attachments),
        }
    }
}

/// Returns true for a time within [`KEEP_VANISHED`] before another.
fn is_fresh(time: Option<Timestamp>, now: Timestamp) -> bool {
    time.is_some_and(|time| time.0.saturating_add(KEEP_VANISHED) > now.0)
}

/// Description with an id and tags.
trait TaggedDescription {
    fn id(&self) -> &str;
    fn tags(&self) -> Option<&[Tag]>;
}

macro_rules! tagged {
    ($($description:ident.$id:ident)*) => {$(
        impl TaggedDescription for $description {
            fn id(&self) -> &str {
                &self.$id
            }

            fn tags(&self) -> Option<&[Tag]> {
                self.tags.as_deref()
            }
        }
    )*};
}

tagged! {
    VpcDescription.vpc_id
    GatewayDescription.transit_gateway_id
    GatewayAttachmentDescription.transit_gateway_attachment_id
}

fn located<T>(scope: &AccountRegion, description: T) -> LocatedDescription<T> {
    LocatedDescription {
        description,
        account_id: Some(scope.account.clone()),
        region: Some(scope.region.clone()),
        last_seen: None,
    }
}

fn is_of<T>(one: &LocatedDescription<T>, scope: &AccountRegion) -> bool {
    one.account_id.as_ref() == Some(&scope.account) && one.region.as_ref() == Some(&scope.region)
}

/// Replaces the descriptions of an account and region.
fn replace<T>(list: &mut Vec<LocatedDescription<T>>, scope: &AccountRegion, new: Vec<T>) {
    list.retain(|old| !is_of(old, scope));
    list.extend(
        new.into_iter()
            .map(|description| located(scope, description)),
    );
}

/// Drops descriptions of accounts and regions without a part.
fn retain_of<T>(
    list: &mut Vec<LocatedDescription<T>>,
    parts: &BTreeMap<AccountRegion, ManifestPart>,
) {
    let scopes: BTreeSet<(&str, &str)> = parts
        .keys()
        .map(|scope| (scope.account.as_str(), scope.region.as_str()))
        .collect();
    list.retain(|one| {
        let scope = one.account_id.as_deref().zip(one.region.as_deref());
        scope.is_some_and(|scope| scopes.contains(&scope))
    });
}

/// Keeps a single description of each id: with a tag rather than without (`NetworkSurvey::keep_names` leaves only `Name`),
/// then of the first account.
fn one_each<T: TaggedDescription>(list: Vec<LocatedDescription<T>>) -> Vec<LocatedDescription<T>> {
    let rank = |one: &LocatedDescription<T>| {
        let is_nameless = one.description.tags().is_none_or(<[Tag]>::is_empty);
        (is_nameless, one.account_id.clone(), one.region.clone())
    };
    let mut best: HashMap<String, LocatedDescription<T>> = HashMap::new();
    for one in list {
        let id = one.description.id().to_owned();
        match best.get(&id) {
            Some(kept) if rank(kept) <= rank(&one) => {}
            _ => _ = best.insert(id, one),
        }
    }
    let mut kept: Vec<_> = best.into_values().collect();
    kept.sort_by(|one, other| one.description.id().cmp(other.description.id()));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3_600_000;
    const NOW: u64 = 100 * DAY;

    fn scope(account: &str) -> AccountRegion {
        AccountRegion::new(account, "eu-central-1")
    }

    fn vpc(name: Option<&str>) -> NetworkSummary {
        let tag = |name: &str| Tag {
            key: "Name".to_owned(),
            value: Some(name.to_owned()),
        };
        NetworkSummary {
            interfaces: 2,
            vpcs: vec![VpcDescription {
                vpc_id: "vpc-1".to_owned(),
                owner_id: None,
                tags: name.map(|name| vec![tag(name)]),
            }],
            ..NetworkSummary::default()
        }
    }

    fn flow_log() -> FlowLogDescription {
        FlowLogDescription {
            flow_log_id: "fl-1".to_owned(),
            resource_id: "vpc-1".to_owned(),
            ..FlowLogDescription::default()
        }
    }

    #[test]
    fn a_shared_vpc_is_described_by_the_account_that_knows_its_name() {
        let planned = BTreeSet::from([scope("1"), scope("2")]);
        for order in [["1", "2"], ["2", "1"]] {
            let mut merge = ManifestMerge::new(Manifest::default());
            for account in order {
                let found = vpc((account == "2").then_some("shop"));
                merge.network(&scope(account), Timestamp(NOW), found);
            }
            assert_eq!(merge.interfaces(), 4);
            let manifest = merge.finish(Timestamp(NOW), &planned);
            let [kept] = manifest.vpcs.as_slice() else {
                panic!("{manifest:?}");
            };
            assert_eq!(kept.account_id.as_deref(), Some("2"));
        }
    }

    #[test]
    fn an_account_that_fails_keeps_its_answer_and_one_that_is_not_asked_for_15_days() {
        for (planned, age, is_kept) in [
            (BTreeSet::from([scope("1")]), 30, true),
            (BTreeSet::new(), 14, true),
            (BTreeSet::new(), 16, false),
        ] {
            let mut merge = ManifestMerge::new(Manifest::default());
            merge.flow_logs(&scope("1"), Timestamp(NOW), vec![flow_log()]);
            merge.network(&scope("1"), Timestamp(NOW), vpc(None));
            merge.failed(&scope("1"), "denied".to_owned());
            let later = Timestamp(NOW + age * DAY);
            let expired = merge.expired(later, &planned);
            assert_eq!(expired.len(), usize::from(!is_kept), "{age} days");
            expired.iter().for_each(|scope| merge.remove(scope));
            let manifest = merge.finish(later, &planned);
            let lengths = [
                manifest.parts.len(),
                manifest.vpcs.len(),
                manifest.flow_logs.len(),
            ];
            assert_eq!(lengths, [usize::from(is_kept); 3], "{age} days");
            let failure = manifest.parts.first().and_then(|part| part.failure.clone());
            assert_eq!(failure.is_some(), is_kept);
        }
    }

    #[test]
    fn a_flow_log_that_comes_back_has_not_vanished() {
        let mut merge = ManifestMerge::new(Manifest::default());
        let mut round = |asked, flow_logs| {
            merge.flow_logs(&scope("1"), Timestamp(asked), flow_logs);
            merge.flow_logs[0].last_seen
        };
        assert_eq!(round(1, vec![flow_log()]), None);
        assert_eq!(round(2, Vec::new()), Some(Timestamp(1)));
        assert_eq!(
            round(3, Vec::new()),
            Some(Timestamp(1)),
            "last seen when it was"
        );
        assert_eq!(round(4, vec![flow_log()]), None);
        assert_eq!(merge.flow_logs.len(), 1);
    }

    #[test]
    fn an_account_without_any_answer_is_unanswered_until_it_answers_or_is_not_asked() {
        let planned = BTreeSet::from([scope("1"), scope("2")]);
        let mut merge = ManifestMerge::new(Manifest::default());
        merge.failed(&scope("1"), "denied".to_owned());
        merge.failed(&scope("2"), "denied".to_owned());
        let manifest = merge.finish(Timestamp(NOW), &planned);
        assert_eq!((manifest.parts.len(), manifest.unanswered.len()), (0, 2));
        let mut merge = ManifestMerge::new(manifest);
        assert_eq!(merge.accounts().len(), 2);
        merge.flow_logs(&scope("1"), Timestamp(NOW), Vec::new());
        merge.not_asked(&scope("2"), "suspended".to_owned());
        let manifest = merge.finish(Timestamp(NOW), &planned);
        assert_eq!((manifest.parts.len(), manifest.unanswered.len()), (1, 0));
        assert_eq!(manifest.not_asked[0].reason, "suspended");
    }
}
