//! Interfaces, VPCs, transit gateways and attachments within the coverage of the flow logs.
//!
//! The flow logs of a destination name the resources of the records (VPCs, subnets, interfaces, gateways, attachments), so
//! that everything within can be asked for before a line is read. Further ids in flows (interfaces at the far side of a
//! transit gateway, or younger interfaces) are asked for by id, and first of all: a survey of many thousand interfaces takes
//! several invocations, and the flows at hand should have names meanwhile.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_ec2::Client;
use flowlogs_core::network::{FlowLog, Inventory};
use tokio::time::Instant;

use super::failed_lookup::LookupTally;
use super::question::{QuestionKind, Questions};
use super::schedule::LookupSchedule;
use super::survey::{Progress, Survey};

/// Validity of an answer, also of the answer that an id does not exist.
const HOLD: Duration = Duration::from_secs(900);

/// Most ids to ask for because of flows.
const MOST_MENTIONED: usize = 10_000;

/// Most destinations whose coverage is asked for; a name has at most 512 characters.
const MOST_DESTINATIONS: usize = 1_000;

/// Most interfaces that `INVENTORY=ec2` is made for; with more, names come late, and the log says so.
const SERVED_INTERFACES: usize = 20_000;

/// Names as of EC2's last answers.
#[derive(Debug, Default)]
pub(super) struct NameLookup {
    known: Inventory,
    /// Names of the destinations that the function serves: log groups, buckets, delivery streams.
    destinations: HashSet<String>,
    /// Questions about the resources of the destinations' flow logs, asked in every survey.
    covered: Questions,
    /// Questions about ids that flows mention outside of the coverage, asked in every survey while EC2 knows the id.
    mentioned: Questions,
    /// Questions of both sets that were not asked yet.
    open: Questions,
    /// Ids that flows mention and EC2 does not know.
    absent: HashSet<String>,
    /// Survey that did not end within the time of an invocation.
    unfinished: Option<Survey>,
    schedule: LookupSchedule,
    /// Beginning of the refresh that ended the last whole survey.
    surveyed: Option<Instant>,
    /// The log said that there are more interfaces than are served.
    too_many_noted: bool,
}

impl NameLookup {
    /// The inventory so far.
    pub(super) fn known(&self) -> &Inventory {
        &self.known
    }

    /// Time since the last whole survey.
    pub(super) fn age(&self, now: Instant) -> Option<Duration> {
        self.surveyed
            .map(|surveyed| now.saturating_duration_since(surveyed))
    }

    pub(super) fn is_due(&self, destination: &str, now: Instant) -> bool {
        let is_new = !self.destinations.contains(destination);
        let unasked = self.unfinished.is_some() || !self.open.is_empty();
        is_new || unasked && !self.schedule.pauses(now) || self.schedule.is_due(now)
    }

    /// Adds a destination, and derives the questions from all flow logs that are known.
    pub(super) fn cover(&mut self, destination: &str, flow_logs: Option<&[FlowLog]>) {
        if self.destinations.len() < MOST_DESTINATIONS {
            self.destinations.insert(destination.to_owned());
        }
        let mut covered = Questions::new();
        for flow_log in flow_logs.unwrap_or_default() {
            let delivers_to = flow_log.destination.as_ref();
            if delivers_to.is_some_and(|own| self.destinations.contains(&*own.name)) {
                let questions = QuestionKind::resource(&flow_log.resource).iter();
                covered.extend(questions.map(|kind| (*kind, flow_log.resource.clone())));
            }
        }
        self.open.extend(covered.difference(&self.covered).cloned());
        self.covered = covered;
    }

    /// Requests ids that flows mention.
    pub(super) fn request<'a>(&mut self, ids: impl IntoIterator<Item = &'a str>) {
        for id in ids {
            let Some(kind) = QuestionKind::mentioned(id) else {
                continue;
            };
            let asked = self.absent.contains(id) || kind.is_known(id, &self.known);
            if !asked
                && self.mentioned.len() < MOST_MENTIONED
                && self.mentioned.insert((kind, id.to_owned()))
            {
                self.open.insert((kind, id.to_owned()));
            }
        }
    }

    /// Asks for mentioned ids, then begins a due survey or goes on with an unfinished survey. Returns `true` if the
    /// inventory changed.
    pub(super) async fn refresh(
        &mut self,
        client: &Client,
        now: Instant,
        deadline: Instant,
        tally: &mut LookupTally,
    ) -> bool {
        let everything = self.schedule.is_due(now);
        let mut denied = HashSet::new();
        let (asked, found) = self
            .ask_mentioned(client, now, deadline, tally, &mut denied)
            .await;
        let changed = !found.is_empty();
        self.known.merge(found.clone());
        let Some(mut survey) = self.next_survey(&asked, everything) else {
            return changed;
        };
        survey.add(found);
        let progress = match Instant::now() >= deadline {
            true => Progress::Unfinished,
            false => {
                survey
                    .go_on(client, deadline, &self.known, tally, &mut denied)
                    .await
            }
        };
        match progress {
            Progress::Ended => return self.swap(survey, now) || changed,
            Progress::Unfinished => self.schedule.end_pause(),
            Progress::Failed => self.schedule.failed(now),
        }
        self.unfinished = Some(survey);
        changed
    }

    /// Survey to go on with: the unfinished one, else one of everything if due, else one of the open questions. Questions
    /// that were `asked` a moment ago are left out of a survey of everything.
    fn next_survey(&mut self, asked: &Questions, everything: bool) -> Option<Survey> {
        if let Some(unfinished) = self.unfinished.take() {
            return Some(unfinished);
        }
        if everything {
            self.absent
                .retain(|id| asked.iter().any(|(_, asked)| asked == id));
            let questions = self.covered.union(&self.mentioned);
            let questions = questions.filter(|question| !asked.contains(question));
            return Some(Survey::new(questions.cloned().collect(), true));
        }
        (!self.open.is_empty()).then(|| Survey::new(self.open.clone(), false))
    }

    /// Asks the open questions about single ids. Returns the questions that were answered, and the answers.
    async fn ask_mentioned(
        &mut self,
        client: &Client,
        now: Instant,
        deadline: Instant,
        tally: &mut LookupTally,
        denied: &mut HashSet<&'static str>,
    ) -> (Questions, Inventory) {
        let mentioned = self.open.intersection(&self.mentioned).cloned();
        let questions: Questions = mentioned.collect();
        if questions.is_empty() {
            return (questions, Inventory::new());
        }
        let mut survey = Survey::new(questions.clone(), false);
        let progress = survey
            .go_on(client, deadline, &self.known, tally, denied)
            .await;
        let complete = progress == Progress::Ended && survey.is_complete();
        let found = survey.found();
        match complete {
            true => self.schedule.answered_in_part(now),
            false => self.schedule.failed(now),
        }
        if progress != Progress::Ended {
            return (Questions::new(), found);
        }
        let mut questions = questions;
        questions.retain(|(kind, _)| !denied.contains(kind.action()));
        for (kind, id) in &questions {
            self.open.remove(&(*kind, id.clone()));
            if !kind.is_known(id, &found) {
                self.mentioned.remove(&(*kind, id.clone()));
                self.absent.insert(id.clone());
            }
        }
        (questions, found)
    }

    /// Takes over the answers of a finished survey: in place of all old answers, if the survey was of everything and no
    /// question was left without an answer. Returns `true` if the inventory changed.
    fn swap(&mut self, survey: Survey, now: Instant) -> bool {
        let (everything, complete) = (survey.is_of_everything(), survey.is_complete());
        match (complete, everything) {
            (true, true) => {
                self.schedule.answered(now, HOLD);
                self.surveyed = Some(now);
            }
            (true, false) => self.schedule.answered_in_part(now),
            (false, _) => self.schedule.failed(now),
        }
        if complete {
            self.open
                .retain(|question| !survey.asked().contains(question));
        }
        let found = survey.found();
        if !(everything && complete) {
            let changed = !found.is_empty();
            self.known.merge(found);
            return changed;
        }
        self.note_size(&found);
        let changed = self.known != found;
        self.known = found;
        changed
    }

    fn note_size(&mut self, inventory: &Inventory) {
        let interfaces = inventory.interfaces().count();
        if interfaces > SERVED_INTERFACES && !self.too_many_noted {
            self.too_many_noted = true;
            tracing::warn!(
                interfaces,
                served = SERVED_INTERFACES,
                "more interfaces than INVENTORY=ec2 is made for: names come late; this is said once"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::super::testing::{Reply, Request, Server, members, page};
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn interface(id: &str, name: &str) -> String {
        let tag = format!(
            "<item>{}</item>",
            members(&[("key", "Name"), ("value", name)])
        );
        members(&[
            ("networkInterfaceId", id),
            ("vpcId", "vpc-1"),
            ("privateIpAddress", "10.0.0.1"),
            ("tagSet", &tag),
        ])
    }

    /// A subnet's flow log, and the interface `eni-1` in it.
    fn small_network(request: &Request) -> Reply {
        match request.action.as_str() {
            "DescribeFlowLogs" => {
                let members = members(&[
                    ("flowLogId", "fl-1"),
                    ("resourceId", "subnet-1"),
                    ("logGroupName", "flows"),
                ]);
                page("flowLogSet", &[members], None)
            }
            "DescribeNetworkInterfaces"
                if request.parameter("Filter.1.Name") == Some("subnet-id") =>
            {
                page("networkInterfaceSet", &[interface("eni-1", "web")], None)
            }
            "DescribeNetworkInterfaces" => {
                let known = request
                    .values()
                    .into_iter()
                    .filter(|id| id.starts_with("eni-a"));
                page(
                    "networkInterfaceSet",
                    &known.map(|id| interface(id, "far")).collect::<Vec<_>>(),
                    None,
                )
            }
            "DescribeVpcs" => page("vpcSet", &[members(&[("vpcId", "vpc-1")])], None),
            action => panic!("{action} was not to be asked"),
        }
    }

    #[test]
    fn more_interfaces_than_are_served_are_noted() {
        let mut lookup = NameLookup::default();
        let mut inventory = Inventory::new();
        for number in 0..=SERVED_INTERFACES {
            assert!(!lookup.too_many_noted);
            inventory.insert_interface(&flowlogs_core::network::NetworkInterface {
                id: format!("eni-{number}"),
                ..Default::default()
            });
            if number + 1 >= SERVED_INTERFACES {
                lookup.note_size(&inventory);
            }
        }
        assert!(lookup.too_many_noted);
    }

    #[tokio::test]
    async fn what_the_flow_logs_cover_is_known_before_a_line_is_read() {
        let server = Server::start(small_network);
        let inventory = server
            .lookups()
            .refresh("flows", Instant::now())
            .await
            .expect("something new");
        let interface = inventory.interface(b"eni-1").expect("it is in the subnet");
        assert_eq!(interface.name(), Some("web"));
        assert!(
            inventory.vpc(b"vpc-1").is_some(),
            "the interface leads to its VPC"
        );
        assert_eq!(
            server.actions(),
            [
                "DescribeFlowLogs",
                "DescribeNetworkInterfaces",
                "DescribeVpcs"
            ]
        );
    }

    #[tokio::test]
    async fn a_log_group_without_flow_logs_of_this_account_asks_for_nothing_more() {
        let server = Server::start(small_network);
        server
            .lookups()
            .refresh("of another account", Instant::now())
            .await;
        assert_eq!(server.actions(), ["DescribeFlowLogs"]);
    }

    #[tokio::test]
    async fn mentioned_ids_are_asked_for_two_hundred_at_a_time_and_the_absent_ones_once() {
        let server = Server::start(small_network);
        let (mut ec2, start) = (server.lookups(), Instant::now());
        ec2.refresh("flows", start).await;
        let ids: Vec<_> = (0..450)
            .map(|number| format!("eni-{}{number}", ["a", "b"][number % 2]))
            .collect();
        ec2.request(ids.iter().map(String::as_str).chain(["eni-1", "nat-1"]));
        assert!(!ec2.is_due("flows", start), "at most once a minute");
        let inventory = ec2
            .refresh("flows", start + MINUTE)
            .await
            .expect("something new");
        assert!(
            inventory.interface(b"eni-a0").is_some() && inventory.interface(b"eni-b1").is_none()
        );
        let asked: Vec<_> = server
            .requests()
            .iter()
            .skip(3)
            .map(|request| request.values().len())
            .collect();
        assert_eq!(
            asked,
            [200, 200, 50],
            "and neither eni-1, which is known, nor nat-1, which is no interface"
        );

        ec2.request(ids.iter().map(String::as_str));
        assert!(
            !ec2.is_due("flows", start + 3 * MINUTE),
            "what is absent is not asked for again"
        );
    }

    #[tokio::test]
    async fn old_names_are_replaced_and_survive_a_refusal() {
        let round = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&round);
        let server = Server::start(move |request| {
            match (request.action.as_str(), round.load(Ordering::SeqCst)) {
                ("DescribeNetworkInterfaces", 1) => Reply::Error("RequestLimitExceeded"),
                ("DescribeNetworkInterfaces", 2) => {
                    page("networkInterfaceSet", &[interface("eni-2", "new")], None)
                }
                _ => small_network(request),
            }
        });
        let (mut ec2, start) = (server.lookups(), Instant::now());
        ec2.refresh("flows", start).await;

        counter.store(1, Ordering::SeqCst);
        assert!(ec2.is_due("flows", start + 20 * MINUTE));
        ec2.refresh("flows", start + 20 * MINUTE).await;
        assert!(ec2.inventory().interface(b"eni-1").is_some());
        assert_eq!(ec2.take_errors().names, 1);

        counter.store(2, Ordering::SeqCst);
        assert!(!ec2.is_due("flows", start + 20 * MINUTE));
        let inventory = ec2
            .refresh("flows", start + 21 * MINUTE)
            .await
            .expect("something new");
        assert!(
            inventory.interface(b"eni-1").is_none(),
            "its address may be another one's by now"
        );
        assert!(inventory.interface(b"eni-2").is_some());
    }

    #[tokio::test]
    async fn a_denied_action_is_asked_once_a_round_and_the_others_all_the_same() {
        let server = Server::start(|request| match request.action.as_str() {
            "DescribeNetworkInterfaces" => Reply::Error("UnauthorizedOperation"),
            _ => small_network(request),
        });
        let (mut ec2, start) = (server.lookups(), Instant::now());
        let ids: Vec<_> = (0..450).map(|number| format!("eni-b{number}")).collect();
        ec2.request(ids.iter().map(String::as_str).chain(["vpc-1"]));
        let inventory = ec2
            .refresh("flows", start)
            .await
            .expect("the VPC and the flow log");
        assert!(inventory.vpc(b"vpc-1").is_some());
        assert_eq!(
            server.actions(),
            [
                "DescribeFlowLogs",
                "DescribeNetworkInterfaces",
                "DescribeVpcs"
            ]
        );
        assert_eq!(ec2.take_errors().names, 1);
    }

    /// A survey of several pages, of which every one after the first is refused while `fails` holds.
    #[tokio::test]
    async fn a_survey_goes_on_with_the_page_at_which_it_stopped_and_is_swapped_in_when_whole() {
        let fails = Arc::new(AtomicU32::new(1));
        let switch = Arc::clone(&fails);
        let server = Server::start(move |request| {
            let page_of = |id, next| page("networkInterfaceSet", &[interface(id, "x")], next);
            match (request.action.as_str(), request.parameter("NextToken")) {
                ("DescribeNetworkInterfaces", None) => page_of("eni-1", Some("2")),
                ("DescribeNetworkInterfaces", Some("2")) if fails.load(Ordering::SeqCst) == 1 => {
                    Reply::Error("RequestLimitExceeded")
                }
                ("DescribeNetworkInterfaces", Some("2")) => page_of("eni-2", None),
                _ => small_network(request),
            }
        });
        let (mut ec2, start) = (server.lookups(), Instant::now());
        let first = ec2.refresh("flows", start).await.expect("the flow log");
        assert!(
            first.interface(b"eni-1").is_none(),
            "half of a survey is none"
        );
        assert!(!ec2.is_due("flows", start), "not before a minute is over");
        switch.store(0, Ordering::SeqCst);
        let whole = ec2.refresh("flows", start + MINUTE).await.expect("news");
        assert!(whole.interface(b"eni-1").is_some() && whole.interface(b"eni-2").is_some());
        let tokens: Vec<_> = server
            .requests()
            .iter()
            .filter(|request| request.action == "DescribeNetworkInterfaces")
            .map(|request| request.parameter("NextToken").map(str::to_owned))
            .collect();
        let second = Some("2".to_owned());
        assert_eq!(
            tokens,
            [None, second.clone(), second],
            "the first page is not asked again"
        );
        assert_eq!(ec2.age(start + 2 * MINUTE), Some(MINUTE));
    }

    #[tokio::test]
    async fn ids_that_flows_mention_are_known_before_a_survey_ends() {
        let server = Server::start(|request| match request.action.as_str() {
            "DescribeNetworkInterfaces"
                if request.parameter("Filter.1.Name") == Some("subnet-id") =>
            {
                // There is always another page, and it takes its time.
                std::thread::sleep(Duration::from_millis(100));
                page(
                    "networkInterfaceSet",
                    &[interface("eni-1", "x")],
                    Some("more"),
                )
            }
            _ => small_network(request),
        });
        let mut ec2 = server.lookups();
        ec2.request(["eni-a1"]);
        let inventory = ec2.refresh("flows", Instant::now()).await.expect("news");
        assert!(inventory.interface(b"eni-a1").is_some());
        assert!(
            inventory.interface(b"eni-1").is_none(),
            "the survey goes on"
        );
        assert_eq!(ec2.take_errors(), super::super::UnansweredCounts::default());
        assert!(
            ec2.is_due("flows", Instant::now()),
            "in the next invocation"
        );
    }

    #[tokio::test]
    async fn a_cut_answer_is_no_answer() {
        let server = Server::start(|request| match request.action.as_str() {
            "DescribeNetworkInterfaces" => Reply::Cut("networkInterfaceSet"),
            _ => small_network(request),
        });
        let mut ec2 = server.lookups();
        ec2.refresh("flows", Instant::now()).await;
        assert_eq!(ec2.take_errors().names, 1);
    }
}
