//! Flow logs of the account and region, with formats: flow logs that deliver to CloudWatch Logs, or all flow logs for the
//! function behind a bucket.
//!
//! A single question serves every log group and bucket. The question has no filter for the log group: a flow log created
//! with the ARN of a log group need not have the name, and no filter knows the ARN. The inventory matches both.

use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::Filter;
use flowlogs_core::network::{FlowLog, vanished};
use tokio::time::Instant;

use super::failed_lookup::{FailedLookup, LookupTally, gather};
use super::schedule::LookupSchedule;
use super::{
    convert,
    question::{FLOW_LOGS, PAGE},
};

/// Validity of an answer, a third of the time for which core relies on an answer.
const HOLD: Duration = Duration::from_secs(300);

/// Flow logs as of EC2's last answer.
#[derive(Debug)]
pub(super) struct FlowLogLookup {
    /// Kinds of destinations, in the words of the API.
    destinations: &'static [&'static str],
    known: Option<Vec<FlowLog>>,
    /// Time of the last answered question, milliseconds since 1970.
    as_of: Option<u64>,
    schedule: LookupSchedule,
    failed: Option<FailedLookup>,
}

impl Default for FlowLogLookup {
    fn default() -> Self {
        Self::to(&["cloud-watch-logs"])
    }
}

impl FlowLogLookup {
    /// Knows nothing yet; `destinations` are kinds of destinations, in the words of the API.
    pub(super) fn to(destinations: &'static [&'static str]) -> Self {
        Self {
            destinations,
            known: None,
            as_of: None,
            schedule: LookupSchedule::default(),
            failed: None,
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.schedule.is_due(now)
    }

    /// EC2's last answer, with the vanished flow logs; `None` before the first.
    pub(super) fn known(&self) -> Option<&[FlowLog]> {
        self.known.as_deref()
    }

    pub(super) fn failed(&self) -> Option<&FailedLookup> {
        self.failed.as_ref()
    }

    /// Time of the last answered question, milliseconds since 1970.
    pub(super) fn as_of(&self) -> Option<u64> {
        self.as_of
    }

    pub(super) fn invalidate(&mut self) {
        self.schedule.invalidate();
    }

    #[cfg(test)]
    pub(super) fn end_pause(&mut self) {
        self.schedule.end_pause();
    }

    /// Asks EC2; returns `true` if the answer differs from the answer before, or has a flow log: its `as_of` is newer.
    pub(super) async fn refresh(
        &mut self,
        client: &Client,
        now: Instant,
        deadline: Instant,
        tally: &mut LookupTally,
    ) -> bool {
        // The answer may lack a flow log that is created meanwhile.
        let as_of = flowlogs_export::now();
        match describe(client, self.destinations, deadline).await {
            Ok(mut flow_logs) => {
                self.schedule.answered(now, HOLD);
                self.failed = None;
                self.as_of = Some(as_of);
                for flow_log in &mut flow_logs {
                    flow_log.as_of = Some(as_of);
                }
                let previous = self.known.as_deref().unwrap_or_default();
                flow_logs.extend(vanished(previous, &flow_logs, as_of));
                let changed = self.known.as_ref() != Some(&flow_logs);
                self.known = Some(flow_logs);
                changed
            }
            // Half of the flow logs would be worse than the old answer: lines would fit a wrong format.
            Err(failed) => {
                self.schedule.failed(now);
                tally.count(&failed);
                self.failed = Some(failed);
                false
            }
        }
    }
}

async fn describe(
    client: &Client,
    destinations: &[&str],
    deadline: Instant,
) -> Result<Vec<FlowLog>, FailedLookup> {
    let kinds = destinations.iter().map(|&kind| kind.to_owned()).collect();
    let destination = Filter::builder()
        .name("log-destination-type")
        .set_values(Some(kinds))
        .build();
    let pages = client
        .describe_flow_logs()
        .filter(destination)
        .into_paginator();
    let mut items = pages.page_size(PAGE).items().send();
    let mut flow_logs = Vec::new();
    let take = |item| flow_logs.extend(convert::flow_log(item).map(FlowLog::from));
    gather(FLOW_LOGS, deadline, async || items.next().await, take).await?;
    Ok(flow_logs)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::testing::{Reply, Request, Server, lookups, members, page};
    use super::super::{Ec2, LookupError, UnansweredCounts};
    use flowlogs_core::network::Destination;

    use super::*;

    const ARN: &str = "arn:aws:logs:eu-central-1:123456789012:log-group:flows:*";
    const MINUTE: Duration = Duration::from_secs(60);

    /// Three pages, of which the second is empty.
    fn three_pages(request: &Request) -> Reply {
        let flow_log = |id, destination, format| {
            members(&[
                ("flowLogId", id),
                ("resourceId", "vpc-1"),
                ("trafficType", "ALL"),
                destination,
                ("logFormat", format),
            ])
        };
        match request.parameter("NextToken") {
            None => page(
                "flowLogSet",
                &[flow_log("fl-1", ("logGroupName", "flows"), "${bytes}")],
                Some("2"),
            ),
            Some("2") => page("flowLogSet", &[], Some("3")),
            Some(_) => page(
                "flowLogSet",
                &[flow_log("fl-2", ("logDestination", ARN), "${packets}")],
                None,
            ),
        }
    }

    fn formats(ec2: &Ec2) -> Vec<String> {
        ec2.inventory()
            .formats_for(Some(&Destination::log_group("flows")))
            .map(str::to_owned)
            .collect()
    }

    #[tokio::test]
    async fn flow_logs_of_all_pages_are_found_by_log_group_name_and_by_arn() {
        let server = Server::start(three_pages);
        let mut ec2 = server.lookups();
        let inventory = ec2
            .refresh_flow_logs(Instant::now())
            .await
            .expect("something new");
        assert_eq!(
            inventory
                .formats_for(Some(&Destination::log_group("flows")))
                .collect::<Vec<_>>(),
            ["${bytes}", "${packets}"]
        );
        assert_eq!(server.requests().len(), 3);
        assert_eq!(server.requests()[0].values(), ["cloud-watch-logs"]);
        assert_eq!(ec2.take_errors(), UnansweredCounts::default());
    }

    #[tokio::test]
    async fn for_buckets_the_flow_logs_of_every_way_into_one_are_asked_for() {
        let server = Server::start(|_| {
            let members = members(&[
                ("flowLogId", "fl-1"),
                ("resourceId", "vpc-1"),
                ("logDestination", "arn:aws:s3:::flows/prefix/"),
                ("logFormat", "${bytes}"),
            ]);
            page("flowLogSet", &[members], None)
        });
        let mut ec2 = server.lookups().of_buckets();
        let inventory = ec2.refresh_flow_logs(Instant::now()).await;
        let inventory = inventory.expect("something new");
        let bucket = Destination::bucket("flows");
        let formats: Vec<_> = inventory.formats_for(Some(&bucket)).collect();
        assert_eq!(formats, ["${bytes}"]);
        assert_eq!(
            server.requests()[0].values(),
            ["s3", "kinesis-data-firehose", "cloud-watch-logs"]
        );
    }

    #[tokio::test]
    async fn an_answer_is_asked_for_again_when_it_is_old_or_distrusted() {
        let server = Server::start(three_pages);
        let (mut ec2, start) = (server.lookups(), Instant::now());
        ec2.refresh_flow_logs(start).await;
        assert!(!ec2.flow_logs.is_due(start + 4 * MINUTE));
        assert!(ec2.flow_logs.is_due(start + 7 * MINUTE));
        ec2.invalidate_flow_logs();
        assert!(!ec2.flow_logs.is_due(start), "at most once a minute");
        assert!(ec2.flow_logs.is_due(start + MINUTE));
        let renewed = ec2.refresh_flow_logs(start + MINUTE).await;
        assert!(renewed.is_some(), "the same answer holds longer");
    }

    #[tokio::test]
    async fn the_format_of_a_flow_log_that_vanished_stays_a_candidate() {
        let is_gone = std::sync::Arc::new(AtomicBool::new(false));
        let switch = std::sync::Arc::clone(&is_gone);
        let server = Server::start(move |request| match switch.load(Ordering::SeqCst) {
            true => page("flowLogSet", &[], None),
            false => three_pages(request),
        });
        let (mut ec2, start) = (server.lookups(), Instant::now());
        ec2.refresh_flow_logs(start).await.expect("something new");
        is_gone.store(true, Ordering::SeqCst);
        // What waits in a queue was written in these formats; core forgets them after 15 days.
        for rounds in 1..3_u32 {
            let now = start + rounds * 20 * MINUTE;
            ec2.refresh_flow_logs(now).await;
            assert_eq!(server.requests().len(), 3 + rounds as usize);
            assert_eq!(formats(&ec2), ["${bytes}", "${packets}"]);
            let inventory = ec2.inventory();
            assert!(
                inventory
                    .flow_logs()
                    .iter()
                    .all(|own| own.last_seen.is_some())
            );
        }
    }

    #[tokio::test]
    async fn refusals_of_every_kind_are_counted_and_leave_what_was_known() {
        type Sort = fn(&LookupError) -> bool;
        let kinds: [(fn() -> Reply, Sort); 4] = [
            (
                || Reply::Error("UnauthorizedOperation"),
                |reason| matches!(reason, LookupError::Denied(_)),
            ),
            (
                || Reply::Error("RequestLimitExceeded"),
                |reason| matches!(reason, LookupError::Throttled(_)),
            ),
            (
                || Reply::Error("InternalError"),
                |reason| matches!(reason, LookupError::Other(_)),
            ),
            (|| Reply::Silence, |reason| *reason == LookupError::TimedOut),
        ];
        for (refusal, is_expected) in kinds {
            let refuses = std::sync::Arc::new(AtomicBool::new(false));
            let switch = std::sync::Arc::clone(&refuses);
            let server = Server::start(move |request| match refuses.load(Ordering::SeqCst) {
                // On the second page: half of an answer is no answer.
                true if request.parameter("NextToken").is_some() => refusal(),
                _ => three_pages(request),
            });
            let (mut ec2, start) = (server.lookups(), Instant::now());
            ec2.refresh_flow_logs(start).await.expect("something new");
            switch.store(true, Ordering::SeqCst);
            assert!(ec2.refresh_flow_logs(start + 20 * MINUTE).await.is_none());
            let reason = &ec2.failed_flow_logs().expect("a refusal").reason;
            assert!(is_expected(reason), "{reason:?}");
            assert_eq!(
                ec2.take_errors(),
                UnansweredCounts {
                    flow_logs: 1,
                    names: 0
                }
            );
            assert_eq!(formats(&ec2), ["${bytes}", "${packets}"]);
        }
    }

    #[tokio::test]
    async fn an_unreachable_api_takes_no_longer_than_the_budget() {
        let closed = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port");
        let mut ec2 = lookups(closed);
        let start = Instant::now();
        assert!(ec2.refresh("flows", start).await.is_none());
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "{:?}",
            start.elapsed()
        );
        assert!(!ec2.knows_flow_logs());
        assert!(matches!(
            ec2.failed_flow_logs().expect("no answer").reason,
            LookupError::Unreachable(_)
        ));
        assert_eq!(ec2.take_errors().flow_logs, 1);
    }
}
