//! Look-ups before an object is read: the parts of the inventory in S3, or EC2's answers.

use flowlogs_core::Transcoder;
use flowlogs_core::network::{AccountRegion, Destination};
use flowlogs_source::s3::{KeyFacts, ObjectRef, key_facts};
use tokio::time::Instant;

use super::failure::ObjectError;
use crate::diagnostics;
use crate::ec2::{Ec2, set_inventory};
use crate::function::Function;
use crate::stored::waits_for_inventory;

/// Facts about the source of an object, from the notice alone.
pub(super) struct ObjectSource<'a> {
    /// Account, region and flow log in the key.
    pub(super) facts: KeyFacts<'a>,
    /// Possible destinations of the object's flow logs: the delivery stream in the key, and the bucket.
    pub(super) destinations: Vec<Destination>,
    /// False if the object is too old to wait for the inventory.
    pub(super) waits: bool,
}

impl<'a> ObjectSource<'a> {
    /// Reads the facts from a notice.
    pub(super) fn of(object: &'a ObjectRef) -> Self {
        let facts = key_facts(&object.key);
        let stream = facts.delivery_stream.map(Destination::delivery_stream);
        let bucket = Destination::bucket(&object.bucket).with_prefix(facts.prefix);
        Self {
            destinations: stream.into_iter().chain([bucket]).collect(),
            facts,
            waits: waits_for_inventory(object.time),
        }
    }
}

/// Asks for the knowledge needed by an object's records: the parts of the inventory in S3, or EC2's answers.
///
/// # Errors
///
/// The inner error: the inventory was never read, and the object comes again.
pub(super) async fn prepare(
    function: &mut Function,
    source: &ObjectSource<'_>,
    deadline: Instant,
) -> Result<Result<(), ObjectError>, diagnostics::Failure> {
    let Function {
        config,
        aws,
        region,
        forwarder_slot,
        ec2,
        stored,
        ..
    } = function;
    let transcoder = forwarder_slot.ready(config, aws).await?.transcoder();
    if let Some(stored) = stored {
        stored.set_deadline(deadline);
        let facts = &source.facts;
        let scope = facts.account.zip(facts.region.or(region.as_deref()));
        let scope = scope.map(|(account, region)| AccountRegion::new(account, region));
        let prepared = stored.prepare(scope, source.waits, transcoder);
        if let Err(unavailable) = Box::pin(prepared).await {
            return Ok(Err(unavailable.into()));
        }
    }
    if let Some(ec2) = ec2 {
        ec2.set_deadline(deadline);
        Box::pin(look_up(ec2, transcoder, &source.destinations)).await;
    }
    Ok(Ok(()))
}

/// Asks EC2 the due questions: flow logs, then names within the coverage of the flow logs that write to the destination of
/// an object.
async fn look_up(ec2: &mut Ec2, transcoder: &mut Transcoder, destinations: &[Destination]) {
    let asked = Instant::now();
    set_inventory(transcoder, ec2.refresh_flow_logs(asked).await);
    // The delivery stream if a flow log delivers to a stream of this name, else the bucket.
    let destination = transcoder.inventory().resolve(None, destinations);
    let name = destination.map_or(String::new(), |own| own.name.to_string());
    set_inventory(transcoder, ec2.refresh_names(&name, asked).await);
}
