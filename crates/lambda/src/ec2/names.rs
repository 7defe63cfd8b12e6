//! Interfaces, VPCs, transit gateways and attachments within the coverage of the flow logs.
//!
//! The flow logs of a log group name the resources of its records (VPCs, subnets, interfaces, gateways, attachments), so
//! that everything within can be asked for before a line is read. Ids that flows mention beyond (interfaces at the far side
//! of a transit gateway, or younger ones) are asked for by id. Questions use a filter with up to 200 values, because an
//! unknown id fails a call without a filter.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, NetworkInterface, TransitGateway, TransitGatewayAttachment, Vpc};
use flowlogs_core::network::FlowLog;
use flowlogs_core::network::Inventory;
use tokio::time::Instant;

use super::convert;
use super::question::{FILTER_VALUES, PAGE, QuestionKind, Questions};
use super::schedule::LookupSchedule;
use super::trouble::{FailedLookup, LookupError, LookupTally, gather};

/// Validity of an answer, also of the answer that an id does not exist.
const HOLD: Duration = Duration::from_secs(900);

/// Most ids that are asked for because flows mention them.
const MENTIONED: usize = 10_000;

/// Names as of EC2's last answers.
#[derive(Debug, Default)]
pub(super) struct NameLookup {
    known: Inventory,
    /// Log groups that the function serves.
    log_groups: HashSet<String>,
    /// Questions about the resources of their flow logs, asked in every round.
    covered: Questions,
    /// Questions about ids that flows mention beyond, asked in every round while EC2 knows the id.
    mentioned: Questions,
    /// Questions of both sets that were not asked yet.
    open: Questions,
    /// Ids that flows mention and EC2 does not know.
    absent: HashSet<String>,
    schedule: LookupSchedule,
}

impl NameLookup {
    /// The inventory so far.
    pub(super) fn known(&self) -> &Inventory {
        &self.known
    }

    pub(super) fn is_due(&self, log_group: &str, now: Instant) -> bool {
        let new_log_group = !self.log_groups.contains(log_group);
        let new_ids = !self.open.is_empty() && !self.schedule.pauses(now);
        new_log_group || new_ids || self.schedule.is_due(now)
    }

    /// Adds a log group, and derives the questions from all flow logs that are known.
    pub(super) fn cover(&mut self, log_group: &str, flow_logs: Option<&[FlowLog]>) {
        self.log_groups.insert(log_group.to_owned());
        let mut covered = Questions::new();
        for flow_log in flow_logs.unwrap_or_default() {
            let destination = flow_log.destination.as_ref();
            if destination.is_some_and(|own| self.log_groups.contains(&*own.name)) {
                let questions = QuestionKind::resource(&flow_log.resource).iter();
                covered.extend(questions.map(|about| (*about, flow_log.resource.clone())));
            }
        }
        self.open.extend(covered.difference(&self.covered).cloned());
        self.covered = covered;
    }

    /// Requests ids that flows mention.
    pub(super) fn request<'a>(&mut self, ids: impl IntoIterator<Item = &'a str>) {
        for id in ids {
            let Some(about) = QuestionKind::mentioned(id) else {
                continue;
            };
            let asked = self.absent.contains(id) || about.is_known(id, &self.known);
            if !asked
                && self.mentioned.len() < MENTIONED
                && self.mentioned.insert((about, id.to_owned()))
            {
                self.open.insert((about, id.to_owned()));
            }
        }
    }

    /// Asks the open questions, or all of them where the last answers are no longer valid. Returns `true` if the inventory
    /// changed.
    pub(super) async fn refresh(
        &mut self,
        client: &Client,
        now: Instant,
        deadline: Instant,
        troubles: &mut LookupTally,
    ) -> bool {
        let everything = self.schedule.is_due(now);
        let questions = if everything {
            self.absent.clear();
            self.covered.union(&self.mentioned).cloned().collect()
        } else {
            self.open.clone()
        };
        let mut survey = Survey {
            client,
            deadline,
            troubles,
            found: SurveyAnswers::default(),
            complete: true,
        };
        survey.ask(&questions).await;
        let nothing = Inventory::new();
        survey
            .follow_references(&questions, if everything { &nothing } else { &self.known })
            .await;
        let Survey {
            found: SurveyAnswers {
                inventory: found, ..
            },
            complete,
            ..
        } = survey;

        let before = if everything && complete {
            std::mem::replace(&mut self.known, found)
        } else {
            let before = self.known.clone();
            self.known.merge(found);
            before
        };
        match (complete, everything) {
            (true, true) => self.schedule.answered(now, HOLD),
            (true, false) => self.schedule.asked(now),
            (false, _) => self.schedule.failed(now),
        }
        if complete {
            self.open.clear();
            let known = &self.known;
            let absent = self
                .mentioned
                .extract_if(.., |(about, id)| !about.is_known(id, known));
            self.absent.extend(absent.map(|(_, id)| id));
        }
        self.known != before
    }
}

/// One round of questions.
struct Survey<'a> {
    client: &'a Client,
    deadline: Instant,
    troubles: &'a mut LookupTally,
    found: SurveyAnswers,
    /// Every question was answered in full.
    complete: bool,
}

/// Answers of a round.
#[derive(Default)]
struct SurveyAnswers {
    inventory: Inventory,
    /// Questions about VPCs and gateways that the answers mention.
    referenced: Questions,
}

impl SurveyAnswers {
    fn interface(&mut self, item: NetworkInterface) {
        if let Some(interface) = convert::interface(item) {
            self.refer(interface.vpc.as_deref());
            self.inventory.insert_interface(&interface);
        }
    }

    fn attachment(&mut self, item: TransitGatewayAttachment) {
        if let Some(attachment) = convert::attachment(item) {
            self.refer(attachment.resource.as_deref());
            self.refer(attachment.gateway.as_deref());
            self.inventory.insert_attachment(attachment);
        }
    }

    fn vpc(&mut self, item: Vpc) {
        convert::vpc(item)
            .into_iter()
            .for_each(|vpc| self.inventory.insert_vpc(vpc));
    }

    fn gateway(&mut self, item: TransitGateway) {
        convert::gateway(item)
            .into_iter()
            .for_each(|gateway| self.inventory.insert_gateway(gateway));
    }

    fn refer(&mut self, id: Option<&str>) {
        if let Some(id) = id
            && let Some(about @ (QuestionKind::Vpc | QuestionKind::Gateway)) =
                QuestionKind::mentioned(id)
        {
            self.referenced.insert((about, id.to_owned()));
        }
    }
}

impl Survey<'_> {
    async fn ask(&mut self, questions: &Questions) {
        let mut denied = HashSet::new();
        let questions: Vec<_> = questions.iter().collect();
        for alike in questions.chunk_by(|one, next| one.0 == next.0) {
            for batch in alike.chunks(FILTER_VALUES) {
                let about = batch[0].0;
                if denied.contains(about.action()) {
                    continue;
                }
                let values = batch.iter().map(|(_, id)| id.clone()).collect();
                let Err(trouble) = self.describe(about, values).await else {
                    continue;
                };
                self.troubles.count(&trouble);
                self.complete = false;
                if Instant::now() >= self.deadline {
                    return;
                }
                if matches!(trouble.reason, LookupError::Denied(_)) {
                    denied.insert(about.action());
                }
            }
        }
    }

    /// Asks for the VPCs and gateways that the answers mention and `known` lacks.
    async fn follow_references(&mut self, asked: &Questions, known: &Inventory) {
        let mut referenced = std::mem::take(&mut self.found.referenced);
        referenced.retain(|question| {
            !asked.contains(question) && !question.0.is_known(&question.1, known)
        });
        if Instant::now() < self.deadline {
            self.ask(&referenced).await;
        } else {
            self.complete &= referenced.is_empty();
        }
    }

    /// Asks one question about up to [`FILTER_VALUES`] ids.
    async fn describe(
        &mut self,
        about: QuestionKind,
        values: Vec<String>,
    ) -> Result<(), FailedLookup> {
        let filter = Filter::builder()
            .name(about.filter())
            .set_values(Some(values))
            .build();
        let (client, found) = (self.client, &mut self.found);
        macro_rules! describe {
            ($question:expr, $take:ident) => {{
                let mut items = $question
                    .filters(filter)
                    .into_paginator()
                    .page_size(PAGE)
                    .items()
                    .send();
                gather(
                    about.action(),
                    self.deadline,
                    async || items.next().await,
                    |item| found.$take(item),
                )
                .await
            }};
        }
        match about {
            QuestionKind::InterfacesOfVpc
            | QuestionKind::InterfacesOfSubnet
            | QuestionKind::Interface => {
                // Interfaces that AWS services manage have flows as well.
                describe!(
                    client
                        .describe_network_interfaces()
                        .include_managed_resources(true),
                    interface
                )
            }
            QuestionKind::AttachmentsOfGateway | QuestionKind::Attachment => {
                describe!(client.describe_transit_gateway_attachments(), attachment)
            }
            QuestionKind::Vpc => describe!(client.describe_vpcs(), vpc),
            QuestionKind::Gateway => describe!(client.describe_transit_gateways(), gateway),
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

    #[tokio::test]
    async fn what_the_flow_logs_cover_is_known_before_a_line_is_read() {
        let server = Server::start(small_network);
        let inventory = server
            .lookups(true)
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
            .lookups(true)
            .refresh("of another account", Instant::now())
            .await;
        assert_eq!(server.actions(), ["DescribeFlowLogs"]);
    }

    #[tokio::test]
    async fn mentioned_ids_are_asked_for_two_hundred_at_a_time_and_the_absent_ones_once() {
        let server = Server::start(small_network);
        let (mut ec2, start) = (server.lookups(true), Instant::now());
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
        let (mut ec2, start) = (server.lookups(true), Instant::now());
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
        let (mut ec2, start) = (server.lookups(true), Instant::now());
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
}
