//! Survey: questions to EC2, page by page. A survey that does not end in time goes on later with the next page.

use std::collections::{HashSet, VecDeque};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, NetworkInterface, TransitGateway, TransitGatewayAttachment, Vpc};
use flowlogs_core::network::{self, GatewayAttachment, Inventory};
use tokio::time::Instant;

use super::convert;
use super::failed_lookup::{FailedLookup, LookupError, LookupTally, answered};
use super::question::{FILTER_VALUES, PAGE, QuestionKind, Questions};

/// Questions of a kind that go out together, and the next page.
#[derive(Debug)]
struct QuestionGroup {
    kind: QuestionKind,
    ids: Vec<String>,
    /// Token of the next page; `None` for the first.
    page: Option<String>,
}

/// State of a survey after a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Every question was asked, or left out because its action is denied.
    Ended,
    /// The time was over; the survey goes on with the next page.
    Unfinished,
    /// A question was not answered; the survey goes on with that question after a pause.
    Failed,
}

/// Questions, and answers so far.
#[derive(Debug)]
pub(super) struct Survey {
    groups: VecDeque<QuestionGroup>,
    asked: Questions,
    answers: SurveyAnswers,
    /// True for a survey of everything.
    everything: bool,
    /// True if no question was left out because of a denied action.
    complete: bool,
}

/// Answers of a survey.
#[derive(Debug, Default)]
struct SurveyAnswers {
    inventory: Inventory,
    /// Questions about VPCs and gateways that the answers mention.
    referenced: Questions,
}

impl SurveyAnswers {
    fn interface(&mut self, item: NetworkInterface) {
        if let Some(interface) = convert::interface(item).map(network::NetworkInterface::from) {
            self.refer(interface.vpc.as_deref());
            self.inventory.insert_interface(&interface);
        }
    }

    fn attachment(&mut self, item: TransitGatewayAttachment) {
        if let Some(attachment) = convert::attachment(item).map(GatewayAttachment::from) {
            self.refer(attachment.resource.as_deref());
            self.refer(attachment.gateway.as_deref());
            self.inventory.insert_attachment(attachment);
        }
    }

    fn vpc(&mut self, item: Vpc) {
        convert::vpc(item)
            .into_iter()
            .for_each(|vpc| self.inventory.insert_vpc(vpc.into()));
    }

    fn gateway(&mut self, item: TransitGateway) {
        convert::gateway(item)
            .into_iter()
            .for_each(|gateway| self.inventory.insert_gateway(gateway.into()));
    }

    fn refer(&mut self, id: Option<&str>) {
        if let Some(id) = id
            && let Some(kind @ (QuestionKind::Vpc | QuestionKind::Gateway)) =
                QuestionKind::mentioned(id)
        {
            self.referenced.insert((kind, id.to_owned()));
        }
    }
}

impl Survey {
    /// Asks nothing yet.
    pub(super) fn new(questions: Questions, everything: bool) -> Self {
        Self {
            groups: groups(&questions),
            asked: questions,
            answers: SurveyAnswers::default(),
            everything,
            complete: true,
        }
    }

    /// Questions that were asked or will be.
    pub(super) fn asked(&self) -> &Questions {
        &self.asked
    }

    pub(super) fn is_of_everything(&self) -> bool {
        self.everything
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Adds answers to questions that were asked elsewhere meanwhile.
    pub(super) fn add(&mut self, found: Inventory) {
        self.answers.inventory.merge(found);
    }

    /// The answers so far.
    pub(super) fn found(self) -> Inventory {
        self.answers.inventory
    }

    /// Asks until every question is answered, the time is over, or a question fails. Then asks for the VPCs and
    /// gateways that the answers mention; for those in `known` only if the survey is of everything.
    pub(super) async fn go_on(
        &mut self,
        client: &Client,
        deadline: Instant,
        known: &Inventory,
        tally: &mut LookupTally,
        denied: &mut HashSet<&'static str>,
    ) -> Progress {
        let mut pages = 0;
        loop {
            let Some(group) = self.groups.front_mut() else {
                if self.follow_references(known) {
                    continue;
                }
                return Progress::Ended;
            };
            if denied.contains(group.kind.action()) {
                self.complete = false;
                self.groups.pop_front();
                continue;
            }
            match ask(client, group, deadline, &mut self.answers).await {
                Ok(Some(next)) => group.page = Some(next),
                Ok(None) => _ = self.groups.pop_front(),
                // A time-out after a page is no failure: the survey goes on from there.
                Err(failed) if failed.reason == LookupError::TimedOut && pages > 0 => {
                    return Progress::Unfinished;
                }
                Err(failed) => {
                    tally.count(&failed);
                    if let LookupError::Denied(_) = failed.reason {
                        denied.insert(failed.action);
                        continue;
                    }
                    // A token may have expired: the group begins again.
                    if let LookupError::Other(_) = failed.reason {
                        group.page = None;
                    }
                    return Progress::Failed;
                }
            }
            pages += 1;
        }
    }

    /// Appends questions about VPCs and gateways that were not asked yet; returns `true` if there are any.
    fn follow_references(&mut self, known: &Inventory) -> bool {
        let nothing = Inventory::new();
        let known = if self.everything { &nothing } else { known };
        let mut referenced = std::mem::take(&mut self.answers.referenced);
        referenced.retain(|question| {
            !self.asked.contains(question) && !question.0.is_known(&question.1, known)
        });
        self.groups = groups(&referenced);
        self.asked.extend(referenced);
        !self.groups.is_empty()
    }
}

/// Questions of a kind are adjacent, and go out together.
fn groups(questions: &Questions) -> VecDeque<QuestionGroup> {
    let questions: Vec<_> = questions.iter().collect();
    let alike = questions.chunk_by(|one, next| one.0 == next.0);
    let together = alike.flat_map(|alike| alike.chunks(FILTER_VALUES));
    together
        .map(|group| QuestionGroup {
            kind: group[0].0,
            ids: group.iter().map(|(_, id)| id.clone()).collect(),
            page: None,
        })
        .collect()
}

/// Asks for a page; returns the token of the next.
async fn ask(
    client: &Client,
    group: &QuestionGroup,
    deadline: Instant,
    answers: &mut SurveyAnswers,
) -> Result<Option<String>, FailedLookup> {
    let filter = Filter::builder()
        .name(group.kind.filter())
        .set_values(Some(group.ids.clone()))
        .build();
    macro_rules! page {
        ($question:expr, $items:ident, $take:ident) => {{
            let question = $question
                .filters(filter)
                .max_results(PAGE)
                .set_next_token(group.page.clone());
            let page = answered(group.kind.action(), deadline, question.send()).await?;
            let items = page.$items.into_iter().flatten();
            items.for_each(|item| answers.$take(item));
            page.next_token
        }};
    }
    let next = match group.kind {
        QuestionKind::InterfacesOfVpc
        | QuestionKind::InterfacesOfSubnet
        | QuestionKind::Interface => page!(
            // Interfaces that AWS services manage have flows as well.
            client
                .describe_network_interfaces()
                .include_managed_resources(true),
            network_interfaces,
            interface
        ),
        QuestionKind::AttachmentsOfGateway | QuestionKind::Attachment => page!(
            client.describe_transit_gateway_attachments(),
            transit_gateway_attachments,
            attachment
        ),
        QuestionKind::Vpc => page!(client.describe_vpcs(), vpcs, vpc),
        QuestionKind::Gateway => page!(
            client.describe_transit_gateways(),
            transit_gateways,
            gateway
        ),
    };
    Ok(next.filter(|token| !token.is_empty()))
}
